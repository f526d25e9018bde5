//! The search for one mutant, with what finds any other bug.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use assize::cli::BUG;
use assize::zoo::Universe;
use serde_json::Value;

use super::list::digest;
use super::tree::VARIABLE;

/// How long a run that has begun may take behind the end of the search.
const GRACE: Duration = Duration::from_secs(20);

/// A run that was not as expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The scenario file.
    pub file: String,
    /// The seed.
    pub seed: u64,
    /// What was found.
    pub by: String,
}

/// What came of a search.
#[derive(Clone, PartialEq, Debug)]
pub struct Hunt {
    /// The first run that was not as expected, if there was one.
    pub found: Option<Found>,
    /// How many runs were told, that one included.
    pub runs: u64,
    /// By the clock on the wall.
    pub seconds: f64,
}

/// Searches by the program with the mutants.
#[derive(Clone, Debug)]
pub struct Hunter {
    /// The program.
    pub program: PathBuf,
    /// Seconds for each mutant.
    pub cap: u64,
}

enum Line {
    Run(String),
    Word(String),
}

impl Hunter {
    /// Whether the program without a mutant does what the product does: the digests of so many
    /// runs of each file. Gives a number of these digests, by which a record of another product is
    /// known.
    ///
    /// # Errors
    /// When they differ.
    pub fn check(&self, seeds: u64) -> Result<String, String> {
        let seeds = format!("0..{seeds}");
        let args = sweep(&["--seeds", &seeds]);
        let copy = Command::new(&self.program).args(&args).output();
        let copy = copy.map_err(|error| format!("{}: {error}", self.program.display()))?;
        let copy = digests(&String::from_utf8_lossy(&copy.stdout));
        let product = digests(&product(&args));
        if product.is_empty() || copy != product {
            return Err("without a mutant the program is not the product".to_owned());
        }
        let told = product.iter().flat_map(|(file, seed, digest)| [file, seed, digest]);
        Ok(digest(told.map(String::as_str)))
    }

    /// Searches until a run is not as expected that is so without the mutant, or the time is over.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn hunt(&self, number: usize) -> Result<Hunt, String> {
        let begun = now();
        let time = format!("{}s", self.cap);
        let mut child = Command::new(&self.program)
            .args(sweep(&["--for", &time]))
            .env(VARIABLE, number.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let lines = listen(&mut child);
        let until = begun + Duration::from_secs(self.cap) + GRACE;
        let (found, runs) = follow(&lines, until);
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        Ok(Hunt { found, runs, seconds: begun.elapsed().as_secs_f64() })
    }
}

/// Reads what is told of runs until one is not as expected.
fn follow(lines: &Receiver<Line>, until: Instant) -> (Option<Found>, u64) {
    let mut runs = 0;
    let mut panic = String::new();
    loop {
        let line = match lines.recv_timeout(until.saturating_duration_since(now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return (None, runs),
            Err(RecvTimeoutError::Timeout) => {
                let by = "a run that does not end".to_owned();
                return (Some(Found { file: String::new(), seed: 0, by }), runs);
            }
        };
        let found = match line {
            Line::Run(line) => {
                runs += digests(&line).len() as u64;
                unexpected(&line)
            }
            Line::Word(line) => {
                if let Some(words) = line.strip_prefix(BUG) {
                    runs += 1;
                    words.clone_into(&mut panic);
                }
                panicked(&line, &panic)
            }
        };
        if let Some(found) = found.filter(|found| is_sound(&found.file, found.seed)) {
            return (Some(found), runs);
        }
    }
}

/// A run that was neither as expected nor inconclusive.
fn unexpected(line: &str) -> Option<Found> {
    let run: Value = serde_json::from_str(line).ok()?;
    if matches!(run["exit"].as_i64()?, 0 | 13) {
        return None;
    }
    let names = run["anomalies"].as_array()?.iter().filter_map(Value::as_str);
    let by = names.collect::<Vec<_>>().join(", ");
    Some(Found { file: run["scenario"].as_str()?.to_owned(), seed: run["seed"].as_u64()?, by })
}

/// A run that ended by an assertion.
fn panicked(line: &str, words: &str) -> Option<Found> {
    let (file, seed) = line.strip_prefix("  scenario ")?.split_once(", seed ")?;
    let by = format!("assertion: {words}");
    Some(Found { file: file.to_owned(), seed: seed.parse().ok()?, by })
}

/// Whether the product passes where a mutant does not.
fn is_sound(file: &str, seed: u64) -> bool {
    let seeds = format!("{seed}..={seed}");
    let args = ["sweep", file, "--seeds", &seeds, "--threads", "1", "--format", "json"];
    let told = product(&args.map(str::to_owned));
    digests(&told).len() == 1 && told.lines().all(|line| unexpected(line).is_none())
}

fn listen(child: &mut Child) -> Receiver<Line> {
    let (sender, receiver) = channel();
    if let Some(out) = child.stdout.take() {
        forward(out, sender.clone(), Line::Run);
    }
    if let Some(error) = child.stderr.take() {
        forward(error, sender, Line::Word);
    }
    receiver
}

fn forward(from: impl Read + Send + 'static, to: Sender<Line>, kind: fn(String) -> Line) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(kind(line)).is_err() {
                return;
            }
        }
    });
}

/// A sweep of all universes, which have their turns under each seed.
fn sweep(more: &[&str]) -> Vec<String> {
    let files = Universe::ALL.iter().map(|one| format!("scenarios/search/{}", one.file()));
    let more = more.iter().chain(&["--format", "json"]).map(|arg| (*arg).to_owned());
    ["sweep".to_owned()].into_iter().chain(files).chain(more).collect()
}

/// What the product says.
fn product(args: &[String]) -> String {
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let args = std::iter::once("assize").chain(args.iter().map(String::as_str));
    assize::cli::main_with(args, &mut out, &mut error);
    String::from_utf8_lossy(&out).into_owned()
}

/// Scenario, seed and digest of each run.
fn digests(told: &str) -> Vec<(String, String, String)> {
    let runs = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    runs.filter(|run| run["digest"].is_string())
        .map(|run| {
            let of = |key: &str| run[key].to_string();
            (of("scenario"), of("seed"), of("digest"))
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "how long a search takes, and when it ends")]
fn now() -> Instant {
    Instant::now()
}
