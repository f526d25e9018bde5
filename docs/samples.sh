#!/usr/bin/env bash
# What the documents show, from this very tree: prints the run that README.md quotes and the one
# that it tells figures of, and takes docs/report.png and docs/story.png. Needs chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

cargo build --quiet --release
target/release/assize run scenarios/hazards/acks-1.toml
target/release/assize run scenarios/order-pipeline.toml --out "$out"

# Bars of scrolling are no part of a report; the height ends below the latency over time.
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1575 \
    --screenshot="$PWD/docs/report.png" "file://$out/report.html"

# The diagram alone: its style and its drawing out of the report.
target/release/assize run scenarios/zoo/kip966-last-replica-standing.toml --story --out "$out"
perl -0777 -ne 'print "<main>\n"; print "$&\n" while /<style>.*?<\/style>|<svg class="map".*?<\/svg>/sg' \
    "$out/report.html" > "$out/story.html"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1160,1456 \
    --screenshot="$PWD/docs/story.png" "file://$out/story.html"
