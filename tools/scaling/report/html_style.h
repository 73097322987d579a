// How the page of a scaling report looks.
#pragma once

namespace convoy::scaling {

// No '<' and no '&': the page is XML as well.
inline constexpr const char* kHtmlStyle = R"(:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #111; font: 16px/1.5 Helvetica, Arial, sans-serif; }
main { max-width: 760px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 16px; overflow-wrap: anywhere; }
h2 { font-size: 20px; line-height: 1.3; margin: 40px 0 8px; overflow-wrap: anywhere; }
p { margin: 8px 0; }
figure { margin: 32px 0; }
figcaption { font-size: 14px; color: #333; margin-top: 6px; }
svg { display: block; width: 100%; height: auto; min-width: 440px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums;
  margin: 20px 0 0; border-top: 2px solid #111; border-bottom: 2px solid #111; }
caption { text-align: left; font-weight: bold; padding: 4px 0; }
th, td { padding: 3px 8px; text-align: right; vertical-align: top; white-space: nowrap; }
th { border-bottom: 1px solid #111; vertical-align: bottom; }
th:first-child, td:first-child { padding-left: 2px; }
th:last-child, td:last-child { padding-right: 2px; }
.text { text-align: left; white-space: normal; overflow-wrap: break-word; max-width: 330px; }
ul { padding-left: 20px; }
li { overflow-wrap: anywhere; }
ul.warnings { list-style: none; margin: 16px 0; padding: 8px 14px; background: #fff6e0;
  border-left: 5px solid #e69f00; }
ul.warnings li::before { content: "Warning: "; font-weight: bold; }
ul.plain { font-size: 15px; margin: 8px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 8px 0; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
.code { font-family: monospace; font-size: 14px; }
@media print {
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  svg { min-width: 0; }
  .wide { overflow: visible; }
  figure, tr, ul.warnings { break-inside: avoid; }
  h2, caption { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

}  // namespace convoy::scaling
