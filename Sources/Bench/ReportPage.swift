/// The report as one HTML page: no script, nothing from outside, light and dark.
public enum ReportPage {
    public static func html(_ report: Report) -> String {
        let title = "score-bench \(report.scenario): \(report.target)"
        var body = "<h1>\(escaped(report.scenario)) <small>\(escaped(report.target))</small></h1>\n"
        let cut = report.isCutShort ? ", cut short" : ""
        body += "<p>\(Figure.decimal(report.seconds, digits: 1)) s measured\(cut), on "
        body += "\(report.machine.cores) × \(escaped(report.machine.processor)), "
        body += "Linux \(escaped(report.machine.kernel)).</p>\n"
        for warning in report.warnings { body += "<p class=\"warning\">\(escaped(warning))</p>\n" }
        body += metrics(report.metrics)
        if !report.latencies.isEmpty {
            body +=
                "<h2>Latency by percentile</h2>\n" + PercentilePlot.svg(report.latencies) + latencies(report.latencies)
        }
        if report.timeline.count > 1 { body += "<h2>Second by second</h2>\n" + TimelinePlot.svg(report.timeline) }
        body += "<h2>Settings</h2>\n<table>\n"
        for setting in report.settings {
            body += "<tr><th scope=\"row\">\(escaped(setting.name))</th><td>\(escaped(setting.value))</td></tr>\n"
        }
        body += "</table>\n"
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title))</title>
            <style>\(style)</style>
            </head>
            <body>
            \(body)</body>
            </html>

            """
    }

    private static func metrics(_ metrics: [Report.Metric]) -> String {
        var text = "<table>\n"
        for metric in metrics {
            text +=
                "<tr><th scope=\"row\">\(escaped(metric.title))</th><td>\(escaped(Figure.value(metric)))</td></tr>\n"
        }
        return text + "</table>\n"
    }

    private static func latencies(_ latencies: [Report.Latency]) -> String {
        var text = "<div class=\"wide\"><table>\n<tr><th></th>"
        for point in latencies[0].percentiles {
            text += "<th scope=\"col\">p\(ReportTable.name(point.percentile))</th>"
        }
        text += "<th scope=\"col\">max</th></tr>\n"
        for latency in latencies {
            text += "<tr><th scope=\"row\">\(escaped(latency.name))</th>"
            for point in latency.percentiles {
                text += "<td>\(escaped(ReportTable.shown(point, of: latency)))</td>"
            }
            text += "<td>\(escaped(ReportTable.shownMaximum(of: latency)))</td></tr>\n"
        }
        return text + "</table></div>\n"
    }

    static func escaped(_ text: String) -> String {
        var output = ""
        for character in text {
            switch character {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            default: output.append(character)
            }
        }
        return output
    }

    private static let style = """
        :root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #d8dee8; --paper: #fff;
          --c0: #2563eb; --c1: #d9480f; --c2: #0f8a5f; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa4b5; --line: #39414f;
          --paper: #14181f; --c0: #7aa7ff; --c1: #ff9a62; --c2: #5fd3a4; } }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
          max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem; }
        h1 { font-size: 1.6rem; margin: 0; } h1 small { font-size: 1rem; font-weight: 400; color: var(--soft); }
        h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th { text-align: left; font-weight: 400; color: var(--soft); padding: .15rem 1.5rem .15rem 0; }
        td { text-align: right; padding: .15rem 0 .15rem 1rem; white-space: nowrap; }
        th[scope=col] { text-align: right; padding: .15rem 0 .15rem 1rem; }
        .wide { overflow-x: auto; }
        .warning { border-left: 4px solid var(--c1); padding: .25rem .75rem; }
        svg { width: 100%; height: auto; display: block; }
        svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
        svg .grid { stroke: var(--line); } svg .phase { fill: var(--line); opacity: .45; }
        svg polyline { fill: none; stroke-width: 2; stroke-linecap: round; }
        .s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); }
        svg .l0 { fill: var(--c0); } svg .l1 { fill: var(--c1); } svg .l2 { fill: var(--c2); }
        """
}
