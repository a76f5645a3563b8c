"""The status page's style sheet, and the policy that allows it and nothing else."""

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--line:#e2e5ea;--text:#1b2130;--soft:#626b7d;
--accent:#2f5fd0;--good:#1c7c45;--warn:#9a5b00;--bad:#c02b2b;--band:#2f5fd026;
--good-back:#e2f3e8;--warn-back:#fdf0d8;--bad-back:#fde4e4;--sample-back:#ebe6fb;--sample:#5b3cb5}
@media (prefers-color-scheme:dark){:root{--back:#10141c;--card:#181e29;--line:#2a3241;--text:#e6e9f0;--soft:#98a2b5;
--accent:#86a8ff;--good:#6fd398;--warn:#f0b95a;--bad:#ff8b85;--band:#86a8ff2e;
--good-back:#16301f;--warn-back:#372a10;--bad-back:#3d1b1b;--sample-back:#2a2147;--sample:#bda8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,.top{max-width:1120px;margin:0 auto;padding:0 20px}
.top{display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px;padding-top:22px;padding-bottom:6px}
h1{font-size:21px;margin:0;letter-spacing:-.01em;display:flex;align-items:center;gap:9px}
h1 svg{width:26px;height:26px}
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
.card p{margin:8px 0 0}
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
.anomaly .spark polyline{stroke:var(--bad)}.anomaly .spark circle{fill:var(--bad)}
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
