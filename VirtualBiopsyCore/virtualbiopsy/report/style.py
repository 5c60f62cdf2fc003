"""Style sheet of the report: light, readable on paper."""

CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 Helvetica, Arial, sans-serif; color: #1c2126; background: #f3f5f7; }
main { max-width: 1040px; margin: 0 auto; padding: 16px 24px; background: #fff; }
.banner { background: #8a5a00; color: #fff; text-align: center; font-weight: bold; padding: 8px 16px; }
h1 { font-size: 26px; margin: 12px 0 4px; }
h2 { font-size: 19px; margin: 30px 0 8px; border-bottom: 2px solid #d5dae0; padding-bottom: 3px; }
h3 { font-size: 16px; margin: 18px 0 6px; }
p { margin: 6px 0; }
.quiet { color: #57606a; }
.warning { border-left: 4px solid #8a5a00; background: #fff6e0; padding: 6px 12px; margin: 6px 0; }
.card { border: 1px solid #d5dae0; border-radius: 8px; padding: 12px 16px; margin: 14px 0; }
.row { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
.tag { display: inline-block; border-radius: 4px; padding: 0 7px; font-size: 13px; font-weight: bold; }
.tag.training { background: #fff0cc; color: #6d4700; }
.tag.met { background: #1c2126; color: #fff; }
.tag.not-met { background: #fff; color: #1c2126; border: 1px solid #1c2126; }
.tag.information { background: #e4e8ec; color: #1c2126; }
.tag.not-evaluable { background: #fff; color: #57606a; border: 1px dashed #57606a; }
figure { margin: 0; flex: 1 1 280px; max-width: 320px; }
.card > div:last-child { flex: 1 1 340px; }
td:last-child { overflow-wrap: anywhere; }
figcaption { font-size: 13px; color: #57606a; margin-top: 3px; max-width: 46ch; }
img, svg { max-width: 100%; height: auto; display: block; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: left; vertical-align: top; padding: 4px 8px; border-bottom: 1px solid #e4e8ec; }
th { background: #f3f5f7; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
dl { display: grid; grid-template-columns: fit-content(45%) minmax(0, 1fr); gap: 2px 16px; margin: 6px 0; }
dt { color: #57606a; } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
code { font: 12.5px ui-monospace, Consolas, monospace; overflow-wrap: anywhere; }
.rule { border-top: 1px solid #d5dae0; padding: 8px 0; }
.rule p { margin: 3px 0; }
ol, ul { margin: 6px 0; padding-left: 24px; }
.trust { border: 1px solid #d5dae0; border-left-width: 8px; padding: 8px 16px; margin: 10px 0; }
.trust.green { border-left-color: #2f9e5b; }
.trust.amber { border-left-color: #e0a100; }
.trust.red { border-left-color: #d6453d; }
.light { list-style: none; }
.light.red { color: #a3231c; }
summary { cursor: pointer; font-weight: bold; padding: 8px 0; }
@media print {
  body, main { background: #fff; } main { max-width: none; padding: 0 0 34px; }
  .card, .rule, figure, tr, svg { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .banner { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .banner.last { position: fixed; bottom: 0; left: 0; right: 0; }
  .scroll { overflow: visible; }
}
"""
