"""The style sheet of the page."""

CSS = """
html { overflow: hidden; }
.vb-stage { height: 100%; display: flex; flex-direction: column; position: relative; }
.vb-views { flex: 1 1 auto; min-height: 0; display: flex; }
.vb-phasebar { flex: none; display: flex; align-items: center; gap: 14px; padding: 5px 14px;
  background: #16191d; border-top: 1px solid var(--vb-line); }
.vb-phasebar .v-slider { flex: 1; min-width: 120px; }
.vb-phase-label { min-width: 190px; text-align: right; font-size: 12.5px; color: #c9d1d9;
  font-variant-numeric: tabular-nums; }
.vb-classes { margin: 2px 0 8px; }
.vb-class { display: grid; grid-template-columns: 130px 1fr 52px; gap: 8px; align-items: center;
  font-size: 12.5px; min-height: 22px; }
.vb-class-track { height: 10px; background: #323a43; border-radius: 3px; }
.vb-class-fill { height: 10px; background: #c9d1d9; border-radius: 3px; }
.vb-fields { display: grid; gap: 10px; margin-bottom: 8px; }
.vb-chosen-row td { background: #1d2b3c; }
.vb-link { color: inherit; text-decoration: underline dotted; text-underline-offset: 3px; cursor: pointer; }
.vb-map { border: 1px solid var(--vb-line); border-radius: 6px; padding: 4px 8px 6px; margin-top: 6px; }
.vb-start { position: absolute; inset: 0; z-index: 5; background: rgba(11, 13, 16, .96); overflow-y: auto;
  display: flex; align-items: flex-start; justify-content: center; padding: 9vh 24px 24px; }
.vb-start-sheet { max-width: 760px; width: 100%; }
.vb-start-sheet h2 { font-size: 21px; font-weight: 600; margin-bottom: 6px; }
.vb-start-tasks { display: grid; grid-template-columns: repeat(auto-fit, minmax(290px, 1fr)); gap: 16px; }
.vb-start-task { margin: 0; padding: 18px; }
.vb-start-task h3 { font-size: 16px; font-weight: 600; margin-bottom: 4px; }
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
.vb-tabs .v-tab.v-tab.v-btn { min-width: 0; padding: 0 3px; flex: 1 1 auto; font-size: 12.5px; }
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
.vb-card > .vb-figure { margin: 0 -12px 6px; overflow: hidden; }
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
.vb-icon-green { color: #5ec27a; }
.vb-icon-amber { color: #f2c14e; }
.vb-icon-red { color: #ff6b60; }
.vb-icon-none { color: #9aa4ae; }
.vb-trust { border: 1px solid var(--vb-line); border-left-width: 4px; border-radius: 6px;
  padding: 7px 10px 8px; margin-bottom: 10px; font-size: 12.5px; line-height: 1.4; }
.vb-trust-green { border-left-color: #5ec27a; }
.vb-trust-amber { border-left-color: #f2c14e; }
.vb-trust-red { border-color: #8c3b36; border-left-color: #ff6b60; background: #2a1c1d; }
.vb-trust-head { display: flex; align-items: center; gap: 8px; font-size: 13.5px; margin-bottom: 2px; }
.vb-reason { display: flex; gap: 6px; margin-top: 3px; align-items: flex-start; overflow-wrap: anywhere; }
.vb-reason .v-icon { margin-top: 2px; flex: none; }
.vb-reason > span { min-width: 0; }
.vb-behind { border: 1px dashed #8c3b36; border-radius: 6px; padding: 10px; margin-bottom: 8px; }
.vb-moved { font-size: 12.5px; line-height: 1.35; }
.vb-line { display: grid; grid-template-columns: 22px 1fr 74px 46px 22px; align-items: center; gap: 4px;
  padding: 3px 2px; border-radius: 5px; cursor: pointer; border: 1px solid transparent; }
.vb-line:hover { background: #20262d; }
.vb-line.vb-plain { cursor: default; }
.vb-line.vb-edge { border-top: 1px solid var(--vb-line); border-radius: 0; font-weight: 600; }
.vb-level1 .vb-line-label { font-weight: 600; }
.vb-level2 { margin-left: 12px; }
.vb-level3 { margin-left: 24px; }
.vb-line-words { min-width: 0; line-height: 1.25; }
.vb-line-label { font-size: 12.5px; }
.vb-line-detail { font-size: 11.5px; color: var(--vb-soft); font-weight: 400; overflow: hidden;
  text-overflow: ellipsis; }
.vb-track { position: relative; height: 12px; background: linear-gradient(90deg, transparent calc(50% - .5px),
  #59636e calc(50% - .5px), #59636e calc(50% + .5px), transparent calc(50% + .5px)); }
.vb-edge .vb-track { height: auto; text-align: right; }
.vb-bar-piece { position: absolute; top: 1px; height: 10px; min-width: 1.5px; }
.vb-bar-piece.up { background: #f4776f; border-radius: 0 3px 3px 0; }
.vb-bar-piece.down { background: #62aef8; border-radius: 3px 0 0 3px; }
.vb-phi { text-align: right; font-variant-numeric: tabular-nums; font-size: 12.5px; white-space: nowrap; }
.vb-chevron, .vb-tell { width: 22px !important; height: 22px !important; }
.vb-tell { color: var(--vb-soft); }
.vb-told { margin: 2px 0 8px 46px; color: #c9d1d9; font-size: 12.5px; line-height: 1.4; }
.vb-chosen { border-color: #4a90d9 !important; background: #1d2b3c !important; }
.vb-layers { display: grid; gap: 4px; margin-bottom: 6px; }
.vb-layer { display: flex; align-items: center; gap: 8px; padding: 5px 8px; border-radius: 6px;
  border: 1px solid var(--vb-line); cursor: pointer; font-size: 13px; }
.vb-sub { border-left: 2px solid #33536f; padding: 4px 0 4px 10px; margin: 8px 0; }
.vb-flip-erase { background: #ffe626; }
.vb-flip-paint { background: #ff59f2; }
.vb-noflip { background: #4a535d; }
.vb-hypothetical { padding: 6px 10px 8px; border: 1px solid var(--vb-line); border-radius: 6px;
  margin-bottom: 6px; }
.vb-hypothetical.on { border: 1px dashed #ba68c8; background: #241a2a; }
.vb-scale { position: relative; height: 10px; background: #323a43; border-radius: 3px; margin-top: 4px; }
.vb-scale .fill { height: 10px; background: #c9d1d9; border-radius: 3px; transition: width .1s; }
.vb-hypothetical.on .fill { background: #ba68c8; }
.vb-scale .mark, .vb-scale .real { position: absolute; top: -3px; height: 16px; width: 0; }
.vb-scale .mark { border-left: 2px dashed #fff; }
.vb-scale .real { border-left: 2px solid #62aef8; }
.vb-whatif-row { font-size: 12.5px; margin-top: 4px; }
.vb-whatif-row .v-slider { margin-inline: 4px; }
.vb-moved-value { color: #d39be0; font-weight: 600; }
.vb-probe { position: absolute; left: 8px; bottom: 44px; background: rgba(10, 12, 15, .82);
  border: 1px solid var(--vb-line); border-radius: 6px; padding: 5px 9px; font-size: 12px; line-height: 1.4;
  color: #e6eaee; pointer-events: none; font-variant-numeric: tabular-nums; white-space: pre-wrap;
  max-width: 85%; }
.vb-probe > div:first-child { font-weight: 600; }
.vb-bench { position: fixed; top: 48px; left: 0; right: 0; bottom: 0; z-index: 1900; background: #0f1215;
  display: flex; flex-direction: column; }
.vb-bench-head { flex: none; display: flex; align-items: center; gap: 18px; padding: 6px 18px 0;
  border-bottom: 1px solid var(--vb-line); background: #1b1f24; flex-wrap: wrap; }
.vb-bench-head h2 { font-size: 16px; font-weight: 600; white-space: nowrap; }
.vb-bench-steps { display: flex; gap: 2px; flex-wrap: wrap; }
.vb-bench-step { padding: 8px 12px; border-bottom: 2px solid transparent; color: var(--vb-soft);
  font-size: 13px; }
.vb-bench-step.on { color: #e6eaee; border-bottom-color: #4a90d9; }
.vb-bench-chosen { flex: none; display: flex; flex-wrap: wrap; gap: 4px 10px; padding: 6px 18px;
  font-size: 12.5px; border-bottom: 1px solid var(--vb-line); color: #c9d1d9; overflow-wrap: anywhere; }
.vb-bench-chosen b { margin-right: 6px; }
.vb-bench-body { flex: 1 1 auto; min-height: 0; overflow-y: auto; padding: 14px 18px 18px;
  scrollbar-width: thin; }
.vb-bench-body h3 { font-size: 15px; font-weight: 600; }
.vb-bench-body .vb-section h3 { font-size: 12px; }
.vb-bench-body h4 { font-size: 13px; font-weight: 600; margin-bottom: 2px; }
.vb-bench-two { display: grid; grid-template-columns: minmax(0, 1.25fr) minmax(0, 1fr); gap: 22px;
  align-items: start; }
.vb-bench-columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 32px;
  align-items: start; max-width: 1300px; }
.vb-bench-filters { display: grid; grid-template-columns: 1fr 150px 170px; gap: 8px; }
.vb-bench-body > div > .vb-alert { margin: 0 0 10px; }
.vb-bench-form > .v-btn, .vb-bench-open > .v-btn { justify-self: start; }
.vb-bench-form { max-width: 720px; display: grid; gap: 10px; }
.vb-bench-pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
.vb-bench-open { display: grid; grid-template-columns: minmax(0, 640px) auto; gap: 8px; align-items: center; }
.vb-bench-scroll { overflow: auto; max-height: calc(100vh - 285px); scrollbar-width: thin;
  border: 1px solid var(--vb-line); border-radius: 6px; padding: 0 8px; }
.vb-bench-scroll th { position: sticky; top: 0; background: #0f1215; z-index: 1; }
.vb-bench-faults { max-height: 45vh; }
.vb-bench-faults td:nth-child(2) { min-width: 110px; }
.vb-bench-facts { max-height: calc(100vh - 200px); overflow-y: auto; scrollbar-width: thin; }
.vb-bench-warnings { border: 1px solid #7a5b17; background: #2d2411; border-radius: 6px; padding: 8px 12px;
  margin: 10px 0; }
.vb-bench-report { width: 100%; height: 78vh; border: 1px solid var(--vb-line); border-radius: 6px;
  background: #fff; margin-top: 8px; }
.vb-plain-button { text-align: left; color: inherit; }
.vb-faint { color: #9aa4ae; }
.vb-narrow { max-width: 900px; }
@media (max-width: 1199px) { .vb-bench-filters { grid-template-columns: 1fr 1fr; }
  .vb-bench-filters > :first-child { grid-column: 1 / 3; }
  .vb-bench-two .vb-bench-scroll { max-height: calc(100vh - 345px); }
  .vb-bench-two th:nth-child(3), .vb-bench-two td:nth-child(3) { display: none; } }
@media (max-width: 859px) { .vb-bench-two, .vb-bench-columns { grid-template-columns: minmax(0, 1fr); }
  .vb-bench-two .vb-bench-scroll { max-height: 46vh; } .vb-bench-facts { max-height: none; } }
.layout-grid-item { min-width: 0; min-height: 0; }
"""
