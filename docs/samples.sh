#!/usr/bin/env bash
# What the documents show, from this very tree: prints the run that README.md quotes and the one
# that it tells figures of, and takes docs/report.png. Needs chromium for the picture.
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
