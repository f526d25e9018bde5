//! `assize sweep`: many seeds, several at a time, told in order of files and seeds whatever the
//! number of threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reports::checker::Anomaly;
use reports::summary::Summary;
use serde_json::json;

use super::args::{Format, SweepArgs};
use super::clock::Clock;
use super::console::{Console, Paint};
use super::execute::execute;
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::scene::Scene;
use super::{regression, report, telling};

/// What is done.
#[derive(Clone, Debug, Default)]
struct Tally {
    runs: u64,
    passed: u64,
    failed: u64,
    inconclusive: u64,
    failing_seeds: BTreeSet<u64>,
}

/// One run's end, sent from its thread.
type Done = (u64, Result<Option<Summary>, Failure>);

pub(super) fn command(args: &SweepArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = args.out.as_deref().map(Folder::prepare).transpose()?;
    let mut scenes = Vec::new();
    for file in &args.files {
        scenes.push(Scene::with_flags(file, &args.flags, console)?);
    }
    let seeds = args.seeds.end - args.seeds.start;
    let Some(total) = seeds.checked_mul(scenes.len() as u64) else {
        return Err(Failure::new(Exit::Usage, "error: --seeds: that many runs cannot be counted"));
    };
    let threads = args.threads.map_or(0, usize::from);
    let pool = pool(threads)?;
    let stop = listen();
    let clock = Clock::start();
    let bar = bar(total, console);
    let mut sweep =
        Sweep { args, scenes: &scenes, tally: Tally::default(), exit: Exit::Expected, first: None };
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<Done>(1_024);
        let (next, scenes, stop) = (AtomicU64::new(0), &scenes, &stop);
        let from = args.seeds.start;
        scope.spawn(move || {
            // Each thread takes the next run: runs end nearly in the order they are told in.
            pool.broadcast(|_| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= total || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let scene = &scenes[(index / seeds) as usize];
                    let run = execute(scene, from + index % seeds, stop);
                    let summary = run.map(|run| run.map(|run| run.summary));
                    if sender.send((index, summary)).is_err() {
                        return;
                    }
                }
            });
        });
        sweep.collect(&receiver, stop, &bar, console);
    });
    bar.finish_and_clear();
    if let Some((index, seed)) = sweep.first {
        keep(args, &scenes[index], seed, folder.as_ref(), console)?;
    }
    let interrupted = stop.load(Ordering::Relaxed) && !console.is_closed();
    let exit = if interrupted { sweep.exit.worse(Exit::Interrupted) } else { sweep.exit };
    summary(&sweep.tally, clock.seconds(), interrupted, args.flags.format, console);
    Ok(exit)
}

/// Keeps the first run that was not as expected: its report, and itself as a regression.
fn keep(
    args: &SweepArgs,
    scene: &Scene,
    seed: u64,
    folder: Option<&Folder>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if let Some(folder) = folder {
        let again = execute(scene, seed, &AtomicBool::new(false))?;
        report::write(scene, &again.expect("nobody gives this run up"), folder)?;
    }
    if args.write_regression {
        let path = regression::write(scene, seed)?;
        console.error(&format!("regression: {}", path.display()));
    }
    Ok(())
}

/// Threads for so many runs at a time, 0 for one each processor.
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
        Failure::new(Exit::Temporary, format!("error: cannot start threads: {error}"))
    })
}

/// A flag that Ctrl-C raises; a second Ctrl-C ends the process.
pub(super) fn listen() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    // A process has one handler; a second sweep in the same process goes without.
    let _had_one = ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted.code());
        }
    });
    stop
}

pub(super) fn bar(total: u64, console: &Console<'_>) -> ProgressBar {
    if !console.screen().progress {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
    let style = "{bar:30} {pos}/{len} runs  {per_sec}  {msg}  {eta} left";
    bar.with_style(ProgressStyle::with_template(style).expect("the template is a constant"))
        .with_message("0 failed")
}

/// The telling of a sweep.
struct Sweep<'a> {
    args: &'a SweepArgs,
    scenes: &'a [Scene],
    tally: Tally,
    exit: Exit,
    /// The first run that was not as expected: its scene and seed.
    first: Option<(usize, u64)>,
}

impl Sweep<'_> {
    /// Takes runs as they end and tells them in order. After an interruption what is done is
    /// told too, with gaps.
    fn collect(
        &mut self,
        receiver: &mpsc::Receiver<Done>,
        stop: &AtomicBool,
        bar: &ProgressBar,
        console: &mut Console<'_>,
    ) {
        let mut early = BTreeMap::new();
        let mut next = 0;
        while let Ok((index, done)) = receiver.recv() {
            early.insert(index, done);
            while let Some(done) = early.remove(&next) {
                bar.suspend(|| self.take(next, done, console));
                next += 1;
            }
            bar.set_position(self.tally.runs);
            bar.set_message(format!("{} failed", self.tally.failed));
            if console.is_closed() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        for (index, done) in early {
            self.take(index, done, console);
        }
    }

    fn take(
        &mut self,
        index: u64,
        done: Result<Option<Summary>, Failure>,
        console: &mut Console<'_>,
    ) {
        let seeds = self.args.seeds.end - self.args.seeds.start;
        let (scene, seed) = ((index / seeds) as usize, self.args.seeds.start + index % seeds);
        let exit = match &done {
            Ok(None) => return,
            Ok(Some(summary)) => {
                self.tell(scene, summary, console);
                Exit::of_run(summary.exit)
            }
            Err(failure) => {
                console.error(&failure.text);
                failure.exit
            }
        };
        self.tally.runs += 1;
        match exit {
            Exit::Expected => self.tally.passed += 1,
            Exit::Inconclusive => self.tally.inconclusive += 1,
            _ => {
                self.tally.failed += 1;
                self.tally.failing_seeds.insert(seed);
            }
        }
        if exit != Exit::Expected {
            self.first.get_or_insert((scene, seed));
        }
        self.exit = self.exit.worse(exit);
    }

    fn tell(&self, scene: usize, summary: &Summary, console: &mut Console<'_>) {
        if self.args.flags.format == Format::Json {
            console.line(&summary.to_json_line());
            return;
        }
        let expected = summary.as_expected();
        let paint =
            if expected { Paint::Good } else { telling::paint_of_surprise(summary.verdict) };
        let word = console.paint(paint, &format!("{:<12}", summary.verdict.name()));
        let anomalies: Vec<&str> = summary.anomalies.iter().map(|one| one.name()).collect();
        let mut found = anomalies.join(", ");
        if expected && !found.is_empty() {
            found.insert_str(0, "as expected: ");
        } else if summary.only_notes_are_missing() {
            found.push_str(&format!("; did not happen: {}", summary.missing_notes.join(", ")));
        } else if let (false, Some(missed)) = (expected, summary.expected_anomaly) {
            if summary.anomalies.contains(&missed) {
                let more: Vec<&str> = summary.unexpected_anomalies().map(Anomaly::name).collect();
                found.push_str(&format!("; not expected: {}", more.join(", ")));
            } else {
                found.push_str(&format!("; {} was expected and did not come", missed.name()));
            }
        }
        let found = found.trim_start_matches("; ");
        let mut line = format!("{word}  seed {:<6}  {}", summary.seed, summary.digest);
        if self.scenes.len() > 1 {
            line.push_str(&format!("  {}", self.scenes[scene].path.display()));
        }
        line.push_str(&format!("  {found}"));
        console.line(line.trim_end());
        if !expected {
            console.line(&format!("    again with: {}", summary.replay));
        }
    }
}

fn summary(
    tally: &Tally,
    seconds: f64,
    interrupted: bool,
    format: Format,
    console: &mut Console<'_>,
) {
    let rate = tally.runs as f64 / seconds.max(1e-6);
    if format == Format::Json {
        let line = json!({"summary": {
            "runs": tally.runs,
            "passed": tally.passed,
            "failed": tally.failed,
            "inconclusive": tally.inconclusive,
            "interrupted": interrupted,
            "failing_seeds": tally.failing_seeds,
            "seeds_per_s": (rate * 10.0).round() / 10.0,
        }});
        console.line(&line.to_string());
        return;
    }
    let cut = if interrupted { " (interrupted)" } else { "" };
    console.line(&format!(
        "{} runs{cut}: {} as expected, {} failed, {} inconclusive; {rate:.1} a second",
        tally.runs, tally.passed, tally.failed, tally.inconclusive
    ));
}
