//! `assize sweep`: many seeds, several at a time, told in order of files and seeds whatever the
//! number of threads.

mod asked;
mod record;
mod records;
mod resume;
mod tally;
mod telling;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{Flags, SweepArgs};
use super::clock::Clock;
use super::console::Console;
use super::execute::execute;
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::scene::Scene;
use super::{regression, report};
use asked::Asked;
use record::Ended;
pub(super) use record::Record;
use records::Writer;
pub(super) use records::{RECORDS, Records, times_of, write_all};
pub(super) use tally::Tally;

/// One run's end, sent from its thread, by its number within the shard.
type Done = (u64, Result<Option<Ended>, Failure>);

pub(super) fn command(args: &SweepArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let past = match &args.resume {
        Some(folder) => resume::past(folder, args)?,
        None => None,
    };
    let args =
        &past.as_ref().map_or_else(|| args.clone(), |past| resume::filled(args, &past.asked));
    let scenes = scenes(args, console)?;
    let asked = Asked::of(args, &scenes)?;
    if let (Some(folder), Some(past)) = (&args.resume, &past) {
        resume::agree(folder, &past.asked, &asked)?;
        resume::verify(folder, past, &scenes)?;
    }
    let folder = args.out.as_deref().or(args.resume.as_deref());
    let folder = folder.map(Folder::prepare).transpose()?;
    let writer = folder.as_ref().map(|folder| match &past {
        Some(past) => Writer::resume(folder.path(), past),
        None => Writer::begin(folder, &asked),
    });
    let mut sweep = Sweep {
        args,
        asked: &asked,
        scenes: &scenes,
        tally: Tally::new(),
        writer: writer.transpose()?,
        refused: None,
        clock: Clock::start(),
    };
    if let Some(past) = &past {
        sweep.recall(past, console);
    }
    let before = sweep.tally.runs;
    let stop = listen();
    sweep.run(&stop, console)?;
    if let Some(refused) = sweep.refused {
        return Err(refused);
    }
    if let Some(number) = sweep.tally.first {
        keep(args, &scenes, &asked, number, folder.as_ref(), console)?;
    }
    let interrupted = stop.load(Ordering::Relaxed) && !console.is_closed();
    let exit = sweep.tally.exit;
    let rate = (sweep.tally.runs - before) as f64 / sweep.clock.seconds().max(1e-6);
    sweep.tally.tell(Some(rate), interrupted, args.flags.format, console);
    if let (true, Some(folder)) = (interrupted, &folder) {
        console.error(&format!("go on with: assize sweep --resume {}", folder.path().display()));
    }
    Ok(if interrupted { exit.worse(Exit::Interrupted) } else { exit })
}

/// The scenarios with the flags.
fn scenes(args: &SweepArgs, console: &mut Console<'_>) -> Result<Vec<Scene>, Failure> {
    let read = |flags: &Flags, console: &mut Console<'_>| {
        let scenes = args.files.iter().map(|file| Scene::with_flags(file, flags, console));
        scenes.collect::<Result<Vec<_>, _>>()
    };
    let scenes = read(&args.flags, console)?;
    if !args.beyond_spec {
        return Ok(scenes);
    }
    resume::check_beyond_spec(args, &scenes)?;
    read(&Flags { set: asked::set_of(args), ..args.flags.clone() }, console)
}

/// Keeps the first run that was not as expected: its report, and itself as a regression.
fn keep(
    args: &SweepArgs,
    scenes: &[Scene],
    asked: &Asked,
    number: u64,
    folder: Option<&Folder>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let place = asked.place(number);
    let (scene, seed) = (&scenes[place.scene], place.seed);
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

/// A bar for so many runs, or for as many as there will be.
pub(super) fn bar(total: Option<u64>, console: &Console<'_>) -> ProgressBar {
    if !console.screen().progress {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    let style = match total {
        Some(_) => "{bar:30} {pos}/{len} runs  {per_sec}  {msg}  {eta} left",
        None => "{pos} runs  {per_sec}  {msg}  {elapsed}",
    };
    bar.with_style(ProgressStyle::with_template(style).expect("the template is a constant"))
        .with_message("0 failed")
}

/// A sweep under way.
struct Sweep<'a> {
    args: &'a SweepArgs,
    asked: &'a Asked,
    scenes: &'a [Scene],
    tally: Tally,
    writer: Option<Writer>,
    /// Why records could not be written.
    refused: Option<Failure>,
    clock: Clock,
}

impl Sweep<'_> {
    /// Counts what is on record.
    fn recall(&mut self, past: &Records, console: &mut Console<'_>) {
        past.runs.iter().for_each(|record| self.tally.take(record));
        let count = past.runs.len();
        let of = self.asked.own().map_or(String::new(), |own| format!(" of {own}"));
        console.error(&format!("{count}{of} runs are on record"));
    }

    /// Runs what is not on record.
    fn run(&mut self, stop: &AtomicBool, console: &mut Console<'_>) -> Result<(), Failure> {
        let pool = pool(self.args.threads.map_or(0, usize::from))?;
        let (asked, scenes, clock) = (self.asked, self.scenes, self.clock);
        let from = self.tally.runs;
        let end = asked.own().unwrap_or(u64::MAX);
        let before_s = self.writer.as_ref().map_or(0.0, Writer::before_s);
        let until_s = asked.for_ms.map_or(f64::INFINITY, |ms| ms as f64 / 1e3 - before_s);
        let bar = bar(asked.own().filter(|_| asked.for_ms.is_none()), console);
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel::<Done>(1_024);
            let next = AtomicU64::new(from);
            scope.spawn(move || {
                // Each thread takes the next run: runs end nearly in the order they are told in.
                pool.broadcast(|_| {
                    loop {
                        let over = stop.load(Ordering::Relaxed) || clock.seconds() >= until_s;
                        if over {
                            return;
                        }
                        let own = next.fetch_add(1, Ordering::Relaxed);
                        if own >= end {
                            return;
                        }
                        let place = asked.place(asked.number(own));
                        let run = execute(&scenes[place.scene], place.seed, stop);
                        let ended = run.map(|run| run.map(Ended::of));
                        if sender.send((own, ended)).is_err() {
                            return;
                        }
                    }
                });
            });
            self.collect(from, &receiver, stop, &bar, console);
        });
        bar.finish_and_clear();
        Ok(())
    }

    /// Takes runs as they end and tells them in order. After an interruption what is done is
    /// told too, with gaps, and is not on record behind the first of them.
    fn collect(
        &mut self,
        from: u64,
        receiver: &mpsc::Receiver<Done>,
        stop: &AtomicBool,
        bar: &ProgressBar,
        console: &mut Console<'_>,
    ) {
        let mut early = BTreeMap::new();
        let mut next = from;
        while let Ok((own, done)) = receiver.recv() {
            early.insert(own, done);
            while let Some(done) = early.remove(&next) {
                bar.suspend(|| self.take(next, done, console));
                next += 1;
            }
            bar.set_position(self.tally.runs);
            bar.set_message(format!("{} failed", self.tally.failed));
            if console.is_closed() || self.refused.is_some() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        for (own, done) in early {
            self.writer = None;
            self.take(own, done, console);
        }
    }

    /// Tells and counts a run, and puts it on record.
    fn take(&mut self, own: u64, done: Result<Option<Ended>, Failure>, console: &mut Console<'_>) {
        let ended = match done {
            // It was given up: the records end here.
            Ok(None) => return self.writer = None,
            Ok(Some(ended)) => Ok(ended),
            Err(failure) => Err(failure),
        };
        let record = Record::of(self.asked, self.scenes, self.asked.number(own), &ended);
        match &ended {
            Ok(ended) => {
                let file = (self.scenes.len() > 1).then_some(record.file.as_str());
                telling::tell(&ended.summary, file, self.args.flags.format, console);
            }
            Err(failure) => console.error(&failure.text),
        }
        self.tally.take(&record);
        if let Some(writer) = &mut self.writer {
            let wall_s = ended.as_ref().map_or(0.0, |ended| ended.summary.wall_s);
            if let Err(refused) = writer.add(&record, wall_s, self.clock.seconds()) {
                self.refused = Some(refused);
                self.writer = None;
            }
        }
    }
}
