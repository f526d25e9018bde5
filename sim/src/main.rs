//! The assize command line.

use std::path::Path;

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    let seed = std::env::args().nth(2).map_or(0, |s| s.parse().expect("a seed"));
    let text = std::fs::read_to_string(&file).expect("readable");
    let dir = Path::new(&file).parent().expect("a folder").to_path_buf();
    let loader = |name: &str| std::fs::read_to_string(dir.join(name)).map_err(|e| e.to_string());
    let scenario = match scenarios::Scenario::load(&text, &[], &loader) {
        Ok(scenario) => scenario,
        Err(errors) => {
            eprintln!("{errors:#?}");
            std::process::exit(65);
        }
    };
    let started = std::time::Instant::now();
    let wall = || started.elapsed().as_secs_f64();
    let run = assize::run::run(&scenario, Path::new(&file), seed, wall).expect("plan");
    println!("{}", run.summary.to_json_pretty());
}
