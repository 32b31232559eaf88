using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Xunit;

namespace Winnow.Tests;

/// <summary>
/// The walls of ARCHITECTURE.md, read from the built assemblies: every type that a method body, a signature, a base list or an
/// attribute of a room names. A forbidden reference fails here, however it was written.
/// </summary>
public sealed class WallTests
{
    private static readonly Dictionary<string, string[]> ProjectReferences = new()
    {
        ["Winnow.Kernels"] = [],
        ["Winnow.Data"] = [],
        ["Winnow.Work"] = [],
        ["Winnow.Models"] = ["Winnow.Kernels"],
        ["Winnow.Pruning"] = ["Winnow.Data", "Winnow.Kernels", "Winnow.Models", "Winnow.Work"],
        ["Winnow.Studies"] = ["Winnow.Data", "Winnow.Kernels", "Winnow.Models", "Winnow.Pruning", "Winnow.Work"],
        ["Winnow.Cli"] = ["Winnow.Data", "Winnow.Kernels", "Winnow.Models", "Winnow.Pruning", "Winnow.Studies", "Winnow.Work"],
    };

    [Fact]
    public void Every_project_references_only_what_the_architecture_allows()
    {
        string root = Fixtures.Repository;
        foreach ((string project, string[] allowed) in ProjectReferences)
        {
            XDocument file = XDocument.Load(Path.Combine(root, "src", project, project + ".csproj"));
            string[] found = [.. file.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')))];
            Assert.True(found.All(allowed.Contains), $"{project} references {string.Join(", ", found.Except(allowed))}");
        }
        string[] projects = [.. Directory.GetDirectories(Path.Combine(root, "src")).Select(d => Path.GetFileName(d)!).Order()];
        Assert.Equal(ProjectReferences.Keys.Order(), projects);
    }

    [Fact]
    public void Models_never_name_data() => AssertNever("Winnow.Models", "Winnow.Models", to => Within(to, "Winnow.Data"));

    [Fact]
    public void Data_never_names_kernels_or_models() =>
        AssertNever("Winnow.Data", "Winnow.Data", to => Within(to, "Winnow.Kernels") || Within(to, "Winnow.Models"));

    [Fact]
    public void Kernels_never_open_files() => AssertNever("Winnow.Kernels", "Winnow.Kernels", to => Within(to, "System.IO"));

    [Fact]
    public void Only_storage_names_the_client_of_the_store()
    {
        foreach (string library in ProjectReferences.Keys)
        {
            string path = Path.Combine(AppContext.BaseDirectory, library == "Winnow.Cli" ? "winnow.dll" : library + ".dll");
            string[] broken = [.. TypeReferences.Of(path, "").Where(r => Within(r.To, "Amazon") && !r.From.StartsWith("Winnow.Data.Storage.ObjectStore", StringComparison.Ordinal)).Select(r => r.From).Distinct()];
            Assert.True(broken.Length == 0, string.Join(", ", broken));
        }
    }

    [Fact]
    public void Selection_never_names_scoring() =>
        AssertNever("Winnow.Pruning", "Winnow.Pruning.Selection", to => Within(to, "Winnow.Pruning.Scoring"));

    [Fact]
    public void Only_the_command_line_names_a_concrete_backend()
    {
        foreach (string library in new[] { "Winnow.Data", "Winnow.Models", "Winnow.Pruning", "Winnow.Studies" })
        {
            AssertNever(library, "", to => Within(to, "Winnow.Kernels.Cpu") || to is "Winnow.Kernels.ReferenceBackend" or "Winnow.Kernels.TimedBackend");
        }
    }

    [Fact]
    public void Only_the_command_line_writes_to_the_console()
    {
        foreach (string library in ProjectReferences.Keys.Where(p => p != "Winnow.Cli"))
        {
            AssertNever(library, "", to => to == "System.Console" || Within(to, "Spectre.Console") || Within(to, "System.CommandLine"));
        }
    }

    [Fact]
    public void Kernels_are_synchronous() =>
        AssertNever("Winnow.Kernels", "Winnow.Kernels", to => to.StartsWith("System.Runtime.CompilerServices.Async", StringComparison.Ordinal));

    [Fact]
    public void The_wall_sees_a_reference_inside_a_method_body()
    {
        string assembly = typeof(WallTests).Assembly.Location;
        Assert.Contains("System.Console", TypeReferences.Of(assembly, "Winnow.Tests.WallProbe").Select(r => r.To));
        Assert.DoesNotContain("System.Console", TypeReferences.Of(assembly, "Winnow.Tests.WallTests+Nothing").Select(r => r.To));
    }

    private static void AssertNever(string assembly, string room, Func<string, bool> forbidden)
    {
        string path = Path.Combine(AppContext.BaseDirectory, assembly + ".dll");
        string[] broken = [.. TypeReferences.Of(path, room).Where(r => forbidden(r.To)).Select(r => $"{r.From} → {r.To}").Distinct().Order()];
        Assert.True(broken.Length == 0, $"{broken.Length} forbidden references:\n" + string.Join('\n', broken));
    }

    private static bool Within(string type, string space) => type.StartsWith(space + ".", StringComparison.Ordinal);
}

/// <summary>Names the console inside a method body, so that the wall can be seen to find it.</summary>
internal static class WallProbe
{
    internal static bool Redirected() => Console.IsOutputRedirected;
}

/// <summary>Which types each type of an assembly names, from its metadata and IL.</summary>
internal static class TypeReferences
{
    private static readonly OpCode[] OneByte = new OpCode[256];
    private static readonly OpCode[] TwoByte = new OpCode[256];

    static TypeReferences()
    {
        foreach (OpCode code in typeof(OpCodes).GetFields().Select(f => f.GetValue(null)).OfType<OpCode>())
        {
            ushort value = (ushort)code.Value;
            (code.Size == 1 ? OneByte : TwoByte)[value & 0xff] = code;
        }
    }

    /// <summary>Every reference made by types whose full name starts with <paramref name="room"/>; nested types count as their outermost type's.</summary>
    internal static List<(string From, string To)> Of(string path, string room)
    {
        using var file = new PEReader(File.OpenRead(path));
        MetadataReader metadata = file.GetMetadataReader();
        var found = new List<(string, string)>();
        foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
        {
            var names = new Names(metadata);
            string from = names.Of(handle);
            if (!from.StartsWith(room, StringComparison.Ordinal)) continue;
            Collect(file, metadata, metadata.GetTypeDefinition(handle), names);
            found.AddRange(names.Seen.Select(to => (from, to)));
        }
        return found;
    }

    private static void Collect(PEReader file, MetadataReader metadata, TypeDefinition type, Names names)
    {
        names.Token(type.BaseType);
        foreach (InterfaceImplementationHandle i in type.GetInterfaceImplementations()) names.Token(metadata.GetInterfaceImplementation(i).Interface);
        foreach (CustomAttributeHandle a in type.GetCustomAttributes()) names.Token(metadata.GetCustomAttribute(a).Constructor);
        foreach (FieldDefinitionHandle f in type.GetFields()) metadata.GetFieldDefinition(f).DecodeSignature(names, null);
        foreach (MethodDefinitionHandle m in type.GetMethods())
        {
            MethodDefinition method = metadata.GetMethodDefinition(m);
            method.DecodeSignature(names, null);
            if (method.RelativeVirtualAddress == 0) continue;
            MethodBodyBlock body = file.GetMethodBody(method.RelativeVirtualAddress);
            if (!body.LocalSignature.IsNil) metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(names, null);
            foreach (ExceptionRegion region in body.ExceptionRegions) names.Token(region.CatchType);
            Scan(body.GetILReader(), names);
        }
    }

    private static void Scan(BlobReader il, Names names)
    {
        while (il.RemainingBytes > 0)
        {
            byte first = il.ReadByte();
            OpCode code = first == 0xfe ? TwoByte[il.ReadByte()] : OneByte[first];
            switch (code.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineTok:
                    names.Token(MetadataTokens.EntityHandle(il.ReadInt32()));
                    break;
                case OperandType.InlineSwitch:
                    int targets = il.ReadInt32();
                    il.Offset += 4 * targets;
                    break;
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    il.Offset += 1;
                    break;
                case OperandType.InlineVar:
                    il.Offset += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    il.Offset += 8;
                    break;
                default:
                    il.Offset += 4;
                    break;
            }
        }
    }

    /// <summary>Turns tokens and signatures into full type names, and remembers each that it meets.</summary>
    private sealed class Names(MetadataReader metadata) : ISignatureTypeProvider<string, object?>
    {
        internal HashSet<string> Seen { get; } = [];

        internal string Of(TypeDefinitionHandle handle)
        {
            TypeDefinition type = metadata.GetTypeDefinition(handle);
            string name = metadata.GetString(type.Name);
            TypeDefinitionHandle outer = type.GetDeclaringType();
            return outer.IsNil ? Join(metadata.GetString(type.Namespace), name) : Of(outer) + "+" + name;
        }

        internal void Token(EntityHandle handle)
        {
            if (handle.IsNil) return;
            switch (handle.Kind)
            {
                case HandleKind.TypeReference:
                    GetTypeFromReference(metadata, (TypeReferenceHandle)handle, 0);
                    break;
                case HandleKind.TypeDefinition:
                    GetTypeFromDefinition(metadata, (TypeDefinitionHandle)handle, 0);
                    break;
                case HandleKind.TypeSpecification:
                    metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(this, null);
                    break;
                case HandleKind.MemberReference:
                    MemberReference member = metadata.GetMemberReference((MemberReferenceHandle)handle);
                    Token(member.Parent);
                    if (member.GetKind() == MemberReferenceKind.Field) member.DecodeFieldSignature(this, null);
                    else member.DecodeMethodSignature(this, null);
                    break;
                case HandleKind.MethodDefinition:
                    MethodDefinition method = metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                    Token(method.GetDeclaringType());
                    method.DecodeSignature(this, null);
                    break;
                case HandleKind.MethodSpecification:
                    MethodSpecification spec = metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                    Token(spec.Method);
                    spec.DecodeSignature(this, null);
                    break;
                case HandleKind.FieldDefinition:
                    FieldDefinition field = metadata.GetFieldDefinition((FieldDefinitionHandle)handle);
                    Token(field.GetDeclaringType());
                    field.DecodeSignature(this, null);
                    break;
                default:
                    break;
            }
        }

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => See(Of(handle));

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
        {
            TypeReference type = reader.GetTypeReference(handle);
            string name = reader.GetString(type.Name);
            return See(type.ResolutionScope.Kind == HandleKind.TypeReference
                ? GetTypeFromReference(reader, (TypeReferenceHandle)type.ResolutionScope, 0) + "+" + name
                : Join(reader.GetString(type.Namespace), name));
        }

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        public string GetArrayType(string elementType, ArrayShape shape) => elementType;

        public string GetByReferenceType(string elementType) => elementType;

        public string GetFunctionPointerType(MethodSignature<string> signature) => signature.ReturnType;

        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) => genericType;

        public string GetGenericMethodParameter(object? genericContext, int index) => "";

        public string GetGenericTypeParameter(object? genericContext, int index) => "";

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

        public string GetPinnedType(string elementType) => elementType;

        public string GetPointerType(string elementType) => elementType;

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => "";

        public string GetSZArrayType(string elementType) => elementType;

        private string See(string name)
        {
            Seen.Add(name);
            return name;
        }

        private static string Join(string space, string name) => space.Length == 0 ? name : space + "." + name;
    }
}
