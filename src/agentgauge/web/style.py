"""The status page's style sheet, and the policy that allows it and nothing else."""

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--line:#e2e5ea;--text:#1b2130;--soft:#626b7d;
--accent:#2f5fd0;--good:#1c7c45;--warn:#9a5b00;--bad:#c02b2b;--band:#2f5fd026;--hatch:#c02b2b38;--ahead:#6a3fc0;--ahead-band:#6a3fc026;
--good-back:#e2f3e8;--warn-back:#fdf0d8;--bad-back:#fde4e4;--sample-back:#ebe6fb;--sample:#5b3cb5}
@media (prefers-color-scheme:dark){:root{--back:#10141c;--card:#181e29;--line:#2a3241;--text:#e6e9f0;--soft:#98a2b5;
--accent:#86a8ff;--good:#6fd398;--warn:#f0b95a;--bad:#ff8b85;--band:#86a8ff2e;--hatch:#ff8b8548;--ahead:#c3a6ff;--ahead-band:#c3a6ff30;
--good-back:#16301f;--warn-back:#372a10;--bad-back:#3d1b1b;--sample-back:#2a2147;--sample:#bda8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,.top{max-width:1120px;margin:0 auto;padding:0 20px}
.top{display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px;padding-top:22px;padding-bottom:6px}
.brand,h1{font-size:21px;font-weight:700;margin:0;letter-spacing:-.01em;display:flex;align-items:center;gap:9px}
.brand svg{width:26px;height:26px}.brand a{color:inherit}h1.signal{flex-wrap:wrap;overflow-wrap:anywhere}
h2{font-size:15px;margin:0;display:flex;align-items:baseline;gap:8px}
h2 small{font-weight:400;color:var(--soft);font-size:13px}
nav{margin-left:auto;display:flex;flex-wrap:wrap;gap:4px 16px}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
.soft,.note{color:var(--soft)}.note{font-size:13px;margin:8px 0 0}
.pill{display:inline-block;border-radius:99px;padding:1px 9px;font-size:12.5px;font-weight:600;white-space:nowrap;
background:var(--line);color:var(--soft)}
.pill.good{background:var(--good-back);color:var(--good)}.pill.warn{background:var(--warn-back);color:var(--warn)}
.pill.bad{background:var(--bad-back);color:var(--bad)}.pill.sample{background:var(--sample-back);color:var(--sample)}
.banner .pill,tr.anomaly .pill,tr.regression .pill{background:var(--card)}
.banner{background:var(--sample-back);color:var(--text);border-radius:10px;padding:9px 14px;margin:10px 0 0}
.caption{color:var(--soft);font-size:13px;margin:16px 0 -6px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:14px 0}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:12px}
.tile{padding:11px 14px 12px}
.tile b{display:block;font-size:23px;font-weight:650;letter-spacing:-.02em;line-height:1.25}
.tile span{color:var(--soft);font-size:13px}
.card{padding:14px 16px;margin:0 0 14px;overflow-x:auto}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 14px;align-items:start}
main>.card:first-child{margin-top:10px}.card p{margin:8px 0 0}
table{border-collapse:collapse;width:100%;margin-top:8px;table-layout:fixed}
thead th:first-child{width:33%}
th,td{text-align:right;padding:5px 8px;border-top:1px solid var(--line);vertical-align:middle}
thead th{border-top:0;color:var(--soft);font-weight:500;font-size:12.5px;vertical-align:bottom}
th:first-child,td:first-child{text-align:left;padding-left:0}th:last-child,td:last-child{padding-right:0}
tbody th{font-weight:500;overflow-wrap:anywhere}
tbody th small{display:block;color:var(--soft);font-weight:400;font-size:12.5px}
td{white-space:nowrap}.sources th:nth-child(2),.sources td:nth-child(2){text-align:left;white-space:normal}
.sources thead th:nth-child(2){width:42%}.signals thead th:first-child{width:28%}
.signals thead th:nth-child(2){width:17%}.signals thead th:nth-child(4){width:17%}
.signals thead th:nth-child(5){width:6%}.signals thead th:nth-child(6){width:8%}
.signals thead th:last-child{width:152px}
.related thead th:first-child{width:34%}.related thead th:nth-child(2){width:34%}
.related td:nth-child(2),.related th:nth-child(2){text-align:left;white-space:normal}
.related td:nth-child(3),.related th:nth-child(3){text-align:left;white-space:normal}
.signals td:nth-child(2),.signals th:nth-child(2){text-align:left;white-space:normal}
td small{color:var(--soft);white-space:normal}
.bad-text{color:var(--bad);font-weight:600}.warn-text{color:var(--warn);font-weight:600}
tr.anomaly>*{background:linear-gradient(var(--bad-back),var(--bad-back))}
tr.regression>*{background:linear-gradient(var(--warn-back),var(--warn-back))}
tr.anomaly>:first-child,tr.regression>:first-child{padding-left:8px}
tr.anomaly>:last-child,tr.regression>:last-child{padding-right:8px}
svg.spark{width:140px;max-width:100%;height:34px;display:block;margin-left:auto}
.spark .band{fill:var(--band)}.spark polyline{fill:none;stroke:var(--accent);stroke-width:1.6;
stroke-linejoin:round;vector-effect:non-scaling-stroke}.spark circle{fill:var(--accent)}
.spark .unusual{fill:var(--bad)}.spark .change{stroke:var(--warn);stroke-dasharray:3 2}
.anomaly .spark polyline{stroke:var(--bad)}.anomaly .spark circle{fill:var(--bad)}
svg.chart{display:block;margin-top:10px;overflow:visible}
.chart path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round}
.chart text{font-size:12px;fill:var(--soft);paint-order:stroke;
stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.chart .grid{stroke:var(--line)}.chart .value,.key .value{stroke:var(--accent);stroke-width:1.7}
.chart path.band,.key .band{fill:var(--band)}.chart .expected,.key .expected{stroke:var(--soft);stroke-dasharray:2 3}
.chart pattern rect{fill:var(--hatch)}.key .span{fill:var(--hatch)}
.chart .ring,.key .ring{fill:none;stroke:var(--bad);stroke-width:2}
.chart line.change,.key .change{stroke:var(--warn);stroke-width:1.5;stroke-dasharray:6 3}
.chart text.change{fill:var(--warn);font-weight:600}.chart .plateau,.key .plateau{stroke:var(--warn);stroke-width:2.2}
.chart .forecast,.key .forecast{stroke:var(--ahead);stroke-width:1.9;stroke-dasharray:7 4}
.chart path.interval,.key .interval{fill:var(--ahead-band)}.chart line.now{stroke:var(--soft)}
.chart line.level,.key .level{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:2 4}
.chart text.level{fill:var(--bad);font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:3px 18px;list-style:none;margin:8px 0 0;padding:0;font-size:13px;
color:var(--soft)}.legend li{display:flex;align-items:center;gap:7px}.key{flex:none}
dl{margin:12px 0 0;display:grid;gap:10px 18px}dl.facts{grid-template-columns:repeat(auto-fill,minmax(150px,1fr))}
dl.labels{display:flex;flex-wrap:wrap;gap:4px 18px;margin-top:8px}dl.labels div{display:flex;gap:6px;min-width:0}
dt{color:var(--soft);font-size:13px}dd{margin:0;overflow-wrap:anywhere}dl.labels dd{font-size:13px}
dl.facts dd{font-size:19px;font-weight:650;line-height:1.3}
dl.facts dd small{display:block;font-size:13px;font-weight:400;color:var(--soft)}
.names{margin:10px 0 0;gap:6px}.turn{display:flex;justify-content:space-between}
.bar{display:inline-block;width:90px;height:8px;border-radius:4px;background:var(--line);overflow:hidden;
vertical-align:middle}.bar svg{display:block;width:100%;height:100%}.bar rect{fill:var(--good)}
.bar.warn rect{fill:var(--warn)}.bar.bad rect{fill:var(--bad)}
pre{background:var(--back);border:1px solid var(--line);border-radius:8px;padding:9px 12px;margin:8px 0 0;
overflow-x:auto;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
footer{color:var(--soft);font-size:13px;padding:4px 0 30px}
@media (max-width:860px){.pair{grid-template-columns:1fr}}
@media (max-width:640px){
main,.top{padding-left:12px;padding-right:12px}nav{margin-left:0;width:100%}
.tiles{grid-template-columns:1fr 1fr;gap:8px}
.tile b{font-size:20px}.card{padding:12px}
table.fold thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table.fold,table.fold tbody,table.fold tr,table.fold td,table.fold th{display:block}
table.fold tr{border-top:1px solid var(--line);padding:8px 0;display:grid;grid-template-columns:1fr 1fr;
column-gap:24px}
table.fold tr.anomaly,table.fold tr.regression{padding:8px;border-radius:8px}
table.fold tr.anomaly{background:var(--bad-back)}table.fold tr.regression{background:var(--warn-back)}
table.fold tr>*{background:none!important}
table.fold tbody th,table.fold td{border:0;padding:2px 0!important;text-align:left;width:auto!important}
table.fold tbody th{grid-column:1/-1}
table.fold td{display:flex;justify-content:space-between;align-items:center;gap:10px;text-align:right;
white-space:normal}
table.fold td[data-label]::before{content:attr(data-label);color:var(--soft);font-size:13px;white-space:nowrap}
table.fold td.none{display:none}table.sources td:nth-child(2),table.signals td:nth-child(2),
table.signals td:nth-child(3),
table.signals td:nth-child(4),table.signals td:last-child{grid-column:1/-1;justify-content:space-between}
table.fold td.none:nth-child(n){display:none}
}
"""

_DIGEST: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded and nothing runs: the page is text, even if a name in it were HTML that slipped through."""
