namespace Winnow.Kernels.Cpu;

/// <content>Operations element by element.</content>
public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Clear(TensorView x)
    {
        Matrix all = At(x);
        Run(default(Zeros), all, all);
    }

    /// <inheritdoc/>
    public void Copy(TensorView from, TensorView to)
    {
        Matrix source = At(from);
        Run(default(Duplicate), source, At(to, from.Rows, from.Columns));
    }

    /// <inheritdoc/>
    public void Add(TensorView x, TensorView y, TensorView output)
    {
        Matrix first = At(x);
        Run(default(Map2<Sum>), first, At(y, x.Rows, x.Columns), At(output, x.Rows, x.Columns));
    }

    /// <inheritdoc/>
    public void Scale(TensorView x, float factor)
    {
        Matrix all = At(x);
        Run(new Map<Product>(new Product(factor)), all, all);
    }

    /// <inheritdoc/>
    public void Clip(TensorView x, float limit)
    {
        Matrix all = At(x);
        Run(new Map<Limited>(new Limited(limit)), all, all);
    }

    /// <inheritdoc/>
    public double SumOfSquares(TensorView x)
    {
        Matrix all = At(x);
        var runs = new Runs(all, Runs.IsDense(all));
        double* sums = (double*)_threads.Shared.Take(2L * runs.Count);
        Run(runs.Parts, new SquaresWork(runs, runs.Fit(all), sums));
        double sum = 0;
        for (int run = 0; run < runs.Count; run++) sum += sums[run];
        return sum;
    }

    /// <inheritdoc/>
    public void Activate(Activation activation, TensorView x, TensorView output) =>
        Activations.Choose(activation, new ActivateCall(this, At(x), At(output, x.Rows, x.Columns)));

    /// <inheritdoc/>
    public void ActivateBackward(Activation activation, TensorView x, TensorView outputGradient, TensorView inputGradient) =>
        Activations.Choose(
            activation,
            new ActivateBackwardCall(this, At(x), At(outputGradient, x.Rows, x.Columns), At(inputGradient, x.Rows, x.Columns)));

    /// <inheritdoc/>
    public void Gate(Activation activation, TensorView gate, TensorView up, TensorView output) =>
        Activations.Choose(
            activation, new GateCall(this, At(gate), At(up, gate.Rows, gate.Columns), At(output, gate.Rows, gate.Columns)));

    /// <inheritdoc/>
    public void GateBackward(
        Activation activation, TensorView gate, TensorView up, TensorView outputGradient, TensorView gateGradient, TensorView upGradient)
    {
        (int rows, int columns) = (gate.Rows, gate.Columns);
        Activations.Choose(
            activation,
            new GateBackwardCall(
                this, At(gate), At(up, rows, columns), At(outputGradient, rows, columns), At(gateGradient, rows, columns),
                At(upGradient, rows, columns)));
    }

    /// <inheritdoc/>
    public void AdamW(TensorView parameter, TensorView gradient, TensorView firstMoment, TensorView secondMoment, AdamWStep step)
    {
        (int rows, int columns) = (parameter.Rows, parameter.Columns);
        Matrix first = At(firstMoment, rows, columns), second = At(secondMoment, rows, columns);
        Run(new AdamWUpdate(step), At(parameter), At(gradient, rows, columns), first, second);
    }

    private void Run<TKernel>(TKernel kernel, Matrix a, Matrix b)
        where TKernel : unmanaged, IRunKernel => Run(kernel, a, b, a, a, a);

    private void Run<TKernel>(TKernel kernel, Matrix a, Matrix b, Matrix c)
        where TKernel : unmanaged, IRunKernel => Run(kernel, a, b, c, a, a);

    private void Run<TKernel>(TKernel kernel, Matrix a, Matrix b, Matrix c, Matrix d)
        where TKernel : unmanaged, IRunKernel => Run(kernel, a, b, c, d, a);

    private void Run<TKernel>(TKernel kernel, Matrix a, Matrix b, Matrix c, Matrix d, Matrix e)
        where TKernel : unmanaged, IRunKernel
    {
        bool dense = Runs.IsDense(a) && Runs.IsDense(b) && Runs.IsDense(c) && Runs.IsDense(d) && Runs.IsDense(e);
        var runs = new Runs(a, dense);
        Run(runs.Parts, new RunsWork<TKernel>(kernel, runs, runs.Fit(a), runs.Fit(b), runs.Fit(c), runs.Fit(d), runs.Fit(e)));
    }

    private readonly struct ActivateCall(CpuBackend backend, Matrix x, Matrix output) : IActivationUser
    {
        public void With<TActivation>()
            where TActivation : unmanaged, IActivation => backend.Run(default(Map<Activated<TActivation>>), x, output);
    }

    private readonly struct ActivateBackwardCall(CpuBackend backend, Matrix x, Matrix outputGradient, Matrix inputGradient) : IActivationUser
    {
        public void With<TActivation>()
            where TActivation : unmanaged, IActivation =>
            backend.Run(default(Map2<ActivatedGradient<TActivation>>), x, outputGradient, inputGradient);
    }

    private readonly struct GateCall(CpuBackend backend, Matrix gate, Matrix up, Matrix output) : IActivationUser
    {
        public void With<TActivation>()
            where TActivation : unmanaged, IActivation => backend.Run(default(Map2<Gated<TActivation>>), gate, up, output);
    }

    private readonly struct GateBackwardCall(
        CpuBackend backend, Matrix gate, Matrix up, Matrix outputGradient, Matrix gateGradient, Matrix upGradient) : IActivationUser
    {
        public void With<TActivation>()
            where TActivation : unmanaged, IActivation =>
            backend.Run(default(GatedGradient<TActivation>), gate, up, outputGradient, gateGradient, upGradient);
    }
}
