"""The style sheet of the page."""

CSS = """
html { overflow: hidden; }
:root { --vb-line: #2f363e; --vb-soft: #9aa4ae; }
.v-application { font-size: 13.5px; }
.v-navigation-drawer { background: #16191d !important; }
.v-navigation-drawer__content { display: flex; flex-direction: column; overflow: hidden; }
.v-btn { letter-spacing: 0.01em; text-transform: none; }
.vb-bar .v-toolbar__content { gap: 10px; }
.vb-name { font-weight: 600; font-size: 17px; margin-left: 16px; white-space: nowrap; }
.vb-case { color: var(--vb-soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  max-width: 24vw; }
.vb-research { color: #ffd27a; border: 1px solid #7a5b17; background: #2d2411; border-radius: 14px;
  padding: 3px 12px; font-size: 13px; white-space: nowrap; }
.vb-head { padding: 10px 14px 8px; border-bottom: 1px solid var(--vb-line); background: #1b1f24; }
.vb-tabs { flex: none; border-bottom: 1px solid var(--vb-line); }
.vb-tabs .v-tab.v-tab.v-btn { min-width: 0; padding: 0 4px; flex: 1 1 auto; font-size: 12.5px; }
.vb-body { flex: 1 1 auto; overflow-y: auto; overflow-x: hidden; padding: 4px 14px 18px;
  scrollbar-width: thin; }
.vb-section { padding: 10px 0 12px; border-bottom: 1px solid var(--vb-line); }
.vb-section:last-child { border-bottom: 0; }
.vb-section h3 { font-size: 12px; font-weight: 600; color: var(--vb-soft); text-transform: uppercase;
  letter-spacing: 0.06em; margin-bottom: 8px; }
.vb-note { color: var(--vb-soft); font-size: 12.5px; line-height: 1.4; }
.vb-warn { color: #f2c14e; font-size: 12.5px; line-height: 1.4; }
.vb-row { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
.vb-slider { display: grid; grid-template-columns: 108px 1fr 56px; align-items: center; gap: 4px;
  min-height: 32px; }
.vb-slider label { font-size: 13px; }
.vb-slider .v-input { margin-inline: 6px; }
.vb-value { text-align: right; font-variant-numeric: tabular-nums; color: var(--vb-soft);
  font-size: 12.5px; }
.vb-switch .v-label { font-size: 13px; opacity: 1; padding-inline-start: 8px; }
.vb-switch .v-selection-control { min-height: 32px; }
.vb-switch .v-selection-control:not(.v-selection-control--dirty) .v-switch__thumb { background: #9aa4ae; }
.vb-table { width: 100%; border-collapse: collapse; font-size: 12.5px; }
.vb-table th { text-align: left; font-weight: 500; color: var(--vb-soft); padding: 3px 6px 3px 0; }
.vb-table td { padding: 4px 6px 4px 0; vertical-align: top; border-top: 1px solid #262c33; }
.vb-table td.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap;
  padding-left: 6px; }
.vb-table small { color: var(--vb-soft); }
.vb-card { background: #1b1f24; border: 1px solid var(--vb-line); border-radius: 8px; padding: 12px;
  margin: 10px 0; }
.vb-card.stale { border-color: #a06a12; }
.vb-card.stale .vb-figure { opacity: 0.45; }
.vb-card > .vb-figure { margin: -12px -12px 6px; border-radius: 8px; overflow: hidden; }
.vb-figure svg { display: block; width: 100%; height: auto; }
.vb-segment { display: flex; align-items: center; gap: 6px; padding: 2px 6px; border-radius: 6px;
  cursor: pointer; }
.vb-segment.active { background: #263140; }
.vb-dot { width: 12px; height: 12px; border-radius: 50%; flex: none; }
.vb-caption { position: absolute; top: 4px; left: 8px; display: flex; align-items: center; gap: 2px;
  color: #c9d1d9;
  font-size: 12.5px; text-shadow: 0 0 3px #000; }
.vb-side { position: absolute; color: #e6c463; font-size: 14px; font-weight: 600; pointer-events: none;
  text-shadow: 0 0 3px #000; }
.vb-slice-slider { position: absolute; top: 1px; left: 118px; right: 14px; }
.vb-alert { margin: 8px 0 0; font-size: 13px; }
.layout-grid-item { min-width: 0; min-height: 0; }
"""
