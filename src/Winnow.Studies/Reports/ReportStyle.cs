namespace Winnow.Studies.Reports;

/// <summary>The look of every page Winnow writes: one palette, in light, dark and print.</summary>
internal static class ReportStyle
{
    /// <summary>An ear of grain, in the current text colour.</summary>
    internal const string Mark =
        """<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M12 22V9" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/><path d="M12 9c-2-1.6-2.4-4 0-7 2.4 3 2 5.4 0 7zM11.3 13.6c-2.9.2-4.7-1.2-5.1-4.4 3.2.2 4.9 1.7 5.1 4.4zm1.4 0c2.9.2 4.7-1.2 5.1-4.4-3.2.2-4.9 1.7-5.1 4.4zM11.3 18.4c-2.9.2-4.7-1.2-5.1-4.4 3.2.2 4.9 1.7 5.1 4.4zm1.4 0c2.9.2 4.7-1.2 5.1-4.4-3.2.2-4.9 1.7-5.1 4.4z" fill="currentColor"/></svg>""";

    /// <summary>The style sheet.</summary>
    internal const string Css =
        """
        :root {
          --page: #fbfaf6; --card: #ffffff; --ink: #211f1a; --soft: #6d685d; --rule: #e4dfd3; --faint: #f1ede3;
          --grain: #b5731a; --grain-ink: #8a5410; --chaff: #cfc9bb; --cut: #8c2f1b;
          --first: #8a5410; --second: #2f6f73; --third: #6a4c93; --fourth: #8c2f1b; --fifth: #3f7a3a; --sixth: #b0417a; --seventh: #43689f; --eighth: #7a7468;
          --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif;
          --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Source Serif 4", Georgia, "Noto Serif", "Songti SC", "Noto Serif CJK SC", "Noto Serif SC", serif;
          --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #14140f; --card: #1c1b16; --ink: #ebe7dc; --soft: #a29c8d; --rule: #34322a; --faint: #24231d;
            --grain: #d99a3c; --grain-ink: #e5b063; --chaff: #4d4a40; --cut: #ee8b70;
            --first: #e5b063; --second: #6fbcbf; --third: #b79be0; --fourth: #ee8b70; --fifth: #8bc486; --sixth: #e48dba; --seventh: #8fb2e4; --eighth: #a8a192;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.6 var(--sans); font-variant-numeric: tabular-nums; }
        main { max-width: 1060px; margin: 0 auto; padding: 40px 28px 64px; }
        .mark { display: flex; align-items: center; gap: 8px; color: var(--grain-ink); font: 600 14px/1 var(--sans); letter-spacing: .02em; }
        h1 { font: 600 38px/1.18 var(--serif); letter-spacing: -.01em; margin: 22px 0 10px; text-wrap: balance; }
        h2 { font: 600 23px/1.3 var(--serif); margin: 0 0 4px; }
        h3 { font: 600 14px/1.4 var(--sans); color: var(--soft); margin: 0 0 8px; } table + h3, .scroll + h3, details + h3 { margin-top: 26px; } figure + .scroll, figure + details, .panels + .scroll { margin-top: 14px; }
        .lead { font-size: 18px; color: var(--soft); max-width: 46em; margin: 0; overflow-wrap: anywhere; }
        section { margin-top: 52px; }
        .say { color: var(--soft); margin: 0 0 18px; max-width: 46em; }
        .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(164px, 1fr)); gap: 1px; margin: 34px 0 0; background: var(--rule); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
        .facts > div { background: var(--card); padding: 16px 18px 15px; }
        .facts dt { font-size: 13px; color: var(--soft); }
        .facts dd { margin: 2px 0 0; font: 600 24px/1.3 var(--serif); letter-spacing: -.015em; white-space: nowrap; }
        .facts dd.note { white-space: normal; font: 13px/1.45 var(--sans); letter-spacing: 0; color: var(--soft); }
        figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 16px 18px 10px; } figure + figure { margin-top: 14px; }
        .legend { display: flex; gap: 20px; font-size: 13px; color: var(--soft); margin-bottom: 2px; }
        .legend span { display: inline-flex; align-items: center; gap: 7px; }
        .swatch { width: 12px; height: 12px; border-radius: 2px; display: inline-block; }
        .swatch.in { background: var(--grain); } .swatch.out { background: var(--chaff); }
        svg { display: block; }
        figure svg { width: 100%; height: auto; min-width: 560px; }
        .scroll { overflow-x: auto; }
        svg text { font-family: var(--sans); fill: var(--soft); font-size: 12.5px; }
        svg text.axis { font-size: 12.5px; fill: var(--soft); }
        svg text.cutlabel { fill: var(--cut); font-weight: 600; font-size: 13px; paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
        .grid { stroke: var(--rule); stroke-width: 1; } .base { stroke: var(--soft); stroke-width: 1; } .decile { stroke: var(--soft); stroke-width: 1.2; }
        .cut { stroke: var(--cut); stroke-width: 1.6; stroke-dasharray: 5 4; }
        rect.in, rect.cell { fill: var(--grain); } rect.out { fill: var(--chaff); }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; } .line.raw { stroke-width: 1; opacity: .28; }
                .first { --c: var(--first); } .second { --c: var(--second); } .third { --c: var(--third); } .fourth { --c: var(--fourth); }
        .fifth { --c: var(--fifth); } .sixth { --c: var(--sixth); } .seventh { --c: var(--seventh); } .eighth { --c: var(--eighth); }
        .line { stroke: var(--c); } .dot { fill: var(--c); } .line.halo { stroke: var(--card); stroke-width: 5; opacity: .85; } .swatch.key { background: var(--c); } .line.fifth, .line.sixth, .line.seventh, .line.eighth { stroke-dasharray: 7 4; }
        .panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(470px, 100%), 1fr)); gap: 14px; } .panels figure + figure { margin-top: 0; } .panels figure svg { min-width: 0; }
        .panels + h3, .legend + .panels, .panels + .legend { margin-top: 18px; } .legend.keys { flex-wrap: wrap; gap: 4px 20px; margin: 14px 0 8px; } .dash { width: 22px; border-top: 2px dashed var(--cut); }
        svg text.inside { fill: var(--ink); font-size: 12px; } .nowrap tbody th { white-space: nowrap; min-width: 0; } .nowrap table { font-size: 13px; } .nowrap th, .nowrap td { padding: 5px 9px 5px 0; }
        table { border-collapse: collapse; width: 100%; font-size: 14px; }
        th, td { padding: 8px 12px 8px 0; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: middle; }
        th:last-child, td:last-child { padding-right: 0; }
        thead th { font-weight: 500; color: var(--soft); font-size: 13px; vertical-align: bottom; white-space: nowrap; }
        tbody th { font-weight: 500; overflow-wrap: break-word; min-width: 11em; }
        .n { text-align: right; white-space: nowrap; }
        .wide { min-width: 180px; padding-left: 8px; }
        tr.sum th, tr.sum td { font-weight: 600; border-bottom: 0; }
        .meter { display: flex; align-items: center; gap: 10px; } .meter span { flex: 0 0 54px; text-align: right; white-space: nowrap; }
        .track { flex: 1; height: 9px; background: var(--chaff); border-radius: 2px; overflow: hidden; } .track div { height: 100%; background: var(--grain); }
        details { border-top: 1px solid var(--rule); } details:last-of-type { border-bottom: 1px solid var(--rule); }
        summary { cursor: pointer; padding: 12px 0; display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; list-style: none; }
        summary::-webkit-details-marker { display: none; }
        summary::before { content: "+"; color: var(--grain-ink); font-weight: 600; width: 12px; } details[open] > summary::before { content: "−"; }
        summary:focus-visible { outline: 2px solid var(--grain); outline-offset: 2px; border-radius: 4px; }
        summary b { font-weight: 600; } summary span { color: var(--soft); font-size: 14px; }
        .samples { list-style: none; margin: 0 0 18px; padding: 0; display: grid; gap: 10px; }
        .samples li { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 11px 16px 12px; }
        .samples p { margin: 5px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font: 15px/1.6 var(--serif); max-height: 12.8em; overflow: auto; }
        .meta { display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
        .meta b { color: var(--ink); font-size: 15px; } .meta .n { margin-left: auto; }
        .tag { font-size: 12px; padding: 0 7px; border-radius: 9px; line-height: 18px; white-space: nowrap; }
        .tag.in { background: var(--grain); color: var(--page); } .tag.out { border: 1px solid var(--chaff); }
        code, .mono, .pairs dd { font-family: var(--mono); font-size: 13px; }
        ul.mono { padding-left: 1.2em; overflow-wrap: anywhere; }
        .groups { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 26px 40px; }
        .pairs { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 0; font-size: 14px; }
        .pairs dt { color: var(--soft); } .pairs dd { margin: 0; overflow-wrap: anywhere; align-self: center; }
        footer { margin-top: 60px; padding-top: 14px; border-top: 1px solid var(--rule); color: var(--soft); font-size: 13px; }
        @media (max-width: 640px) { main { padding: 24px 16px 40px; } h1 { font-size: 29px; } .lead { font-size: 16px; } figure { padding: 12px 10px 6px; } .facts dd { font-size: 22px; } .meta .n { margin-left: 0; } .pairs { grid-template-columns: 1fr; gap: 0 } .pairs dd { margin-bottom: 8px; } }
        @media print {
          :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #ccc; --faint: #eee; --grain: #b5731a; --grain-ink: #6b400b; --chaff: #d5d0c4; --cut: #8c2f1b; --first: #8a5410; --second: #2f6f73; --third: #6a4c93; --fourth: #8c2f1b; --fifth: #3f7a3a; --sixth: #b0417a; --seventh: #43689f; --eighth: #7a7468; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          body { font-size: 12px; } main { max-width: none; padding: 0; } section { margin-top: 26px; }
          figure, .samples li, tr { break-inside: avoid; } h2 { break-after: avoid; } .samples p { max-height: none; overflow: hidden; } .panels { grid-template-columns: 1fr 1fr; } figure svg, .panels figure svg { min-width: 0; } .scroll { overflow: visible; } .nowrap th, .nowrap td { font-size: 8.5px; padding: 3px 6px 3px 0; }
        }

        """;
}
