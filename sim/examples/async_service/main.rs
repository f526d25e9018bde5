//! Runs the payment service under seeds given as arguments, or under the first ten:
//! `cargo run --release --example async_service -- 7`.

#[cfg(madsim)]
mod payment;

#[cfg(madsim)]
fn main() {
    use std::io::Write;

    let named: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let seeds = if named.is_empty() { (0..10).collect() } else { named };
    let mut out = std::io::stdout().lock();
    for seed in seeds {
        let summary = match payment::run(seed) {
            Ok(run) => run.summary,
            Err(error) => {
                let _closed = writeln!(out, "seed {seed}: {error}");
                continue;
            }
        };
        let (verdict, trace) = (summary.verdict.name(), &summary.digest);
        let _closed = writeln!(out, "seed {seed}: {verdict}, trace {trace}");
        for check in summary.checks.iter().filter(|check| check.violations > 0) {
            let _closed = writeln!(out, "  {}: {}", check.name, check.detail);
        }
    }
}

#[cfg(not(madsim))]
fn main() {
    use std::io::Write;

    let text = "async services need a build with `--cfg madsim`: unset RUSTFLAGS, build again";
    let _closed = writeln!(std::io::stderr(), "{text}");
}
