/** How the HTML reports of trainings look. */
export const REPORT_STYLE = `body{font:15px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#111}table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #ccc;text-align:right}
td:first-child,th:first-child{text-align:left}figure{display:inline-block;margin:.4rem;vertical-align:top;width:9rem;font-size:13px}figure img{width:100%;background:#000}code{background:#eee;padding:0 .2rem}`;
