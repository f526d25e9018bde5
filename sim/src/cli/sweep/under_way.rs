//! A sweep under way: runs on their threads, told and put on record in order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use indicatif::ProgressBar;

use super::asked::Asked;
use super::guide::{Guide, Kept};
use super::record::{Ended, Record};
use super::records::Writer;
use super::tally::Tally;
use super::telling;
use crate::cli::args::SweepArgs;
use crate::cli::clock::Clock;
use crate::cli::console::Console;
use crate::cli::execute::{execute, execute_covered};
use crate::cli::exit::{Exit, Failure};
use crate::cli::scene::Scene;
use crate::cli::threads::{bar, pool};

/// One run's end, sent from its thread, by its number within the shard.
type Done = (u64, Result<Option<Ended>, Failure>);

/// A sweep under way.
pub(super) struct Sweep<'a> {
    pub(super) args: &'a SweepArgs,
    pub(super) asked: &'a Asked,
    pub(super) scenes: &'a [Scene],
    pub(super) tally: Tally,
    /// Who chooses the plans, in a guided sweep.
    pub(super) guide: Option<Guide>,
    pub(super) writer: Option<Writer>,
    /// Why records could not be written.
    pub(super) refused: Option<Failure>,
    pub(super) clock: Clock,
}

impl Sweep<'_> {
    /// Counts what is on record.
    pub(super) fn recall(
        &mut self,
        folder: &Path,
        runs: Vec<Record>,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let count = runs.len();
        for mut record in runs {
            self.tally.recall(&mut record)?;
            let guide = self.guide.as_mut();
            if !guide.is_none_or(|guide| guide.recall(self.asked, &record)) {
                let folder = folder.display();
                let text = format!(
                    "error: --resume {folder}: run {} is none that this sweep would make",
                    record.run
                );
                return Err(Failure::new(Exit::Scenario, text));
            }
        }
        let of = self.asked.own().map_or(String::new(), |own| format!(" of {own}"));
        console.error(&format!("{count}{of} runs are on record"));
        Ok(())
    }

    /// Runs what is not on record.
    pub(super) fn run(
        &mut self,
        stop: &AtomicBool,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let pool = pool(self.args.threads.map_or(0, usize::from))?;
        let end = self.asked.own().unwrap_or(u64::MAX);
        let before_s = self.writer.as_ref().map_or(0.0, Writer::before_s);
        let until_s = self.asked.for_ms.map_or(f64::INFINITY, |ms| ms as f64 / 1e3 - before_s);
        let bar = bar(self.asked.own().filter(|_| self.asked.for_ms.is_none()), console);
        let mut next = self.tally.runs;
        let clock = self.clock;
        let is_over = || stop.load(Ordering::Relaxed) || clock.seconds() >= until_s;
        while next < end && !is_over() {
            let generation = self.generation(next..end);
            next = generation.end;
            self.batch(generation, (&pool, stop, &is_over), &bar, console);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// The runs that can be made without waiting for what comes of them: all, unless a guide wants
    /// to see.
    fn generation(&mut self, left: Range<u64>) -> Range<u64> {
        let Some(guide) = &mut self.guide else { return left };
        if left.start >= guide.end() {
            guide.begin(self.asked, left.start);
        }
        left.start..guide.end().min(left.end)
    }

    /// Makes these runs, several at a time.
    fn batch(
        &mut self,
        runs: Range<u64>,
        (pool, stop, is_over): (&rayon::ThreadPool, &AtomicBool, &(impl Fn() -> bool + Sync)),
        bar: &ProgressBar,
        console: &mut Console<'_>,
    ) {
        let (asked, scenes) = (self.asked, self.scenes);
        let guide = self.guide.clone();
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel::<Done>(1_024);
            let next = AtomicU64::new(runs.start);
            scope.spawn(move || {
                // Each thread takes the next run: runs end nearly in the order they are told in.
                pool.broadcast(|_| {
                    while !is_over() {
                        let own = next.fetch_add(1, Ordering::Relaxed);
                        if own >= runs.end {
                            return;
                        }
                        let run = planned(asked, guide.as_ref(), asked.number(own));
                        let ended = ended(asked, scenes, (asked.number(own), &run), stop);
                        if sender.send((own, ended)).is_err() {
                            return;
                        }
                    }
                });
            });
            self.collect(runs.start, &receiver, stop, bar, console);
        });
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
        let number = self.asked.number(own);
        let Kept { seed, mutations } = planned(self.asked, self.guide.as_ref(), number);
        let scene = self.scenes[self.asked.place(number).scene].mutated(&mutations);
        let mut record = Record::of(&scene, (number, seed), &mutations, &ended);
        if let Some(atlas) = &mut self.tally.atlas {
            let reached = ended.as_ref().ok().and_then(|ended| ended.reached.as_ref());
            record.news = Some(reached.map(|reached| atlas.add(reached)).unwrap_or_default());
        }
        match &ended {
            Ok(ended) => {
                let file = (self.scenes.len() > 1).then_some(record.file.as_str());
                telling::tell(&ended.summary, file, self.args.flags.format, console);
            }
            Err(failure) => console.error(&failure.text),
        }
        self.tally.take(&record);
        if let Some(guide) = &mut self.guide {
            guide.learn(&record);
        }
        if let Some(writer) = &mut self.writer {
            let wall_s = ended.as_ref().map_or(0.0, |ended| ended.summary.wall_s);
            if let Err(refused) = writer.add(&record, wall_s, self.clock.seconds()) {
                self.refused = Some(refused);
                self.writer = None;
            }
        }
    }
}

/// The plan of a run.
fn planned(asked: &Asked, guide: Option<&Guide>, number: u64) -> Kept {
    let plain = || Kept { seed: asked.place(number).seed, mutations: Vec::new() };
    guide.map_or_else(plain, |guide| guide.of(number).clone())
}

/// Makes a run.
fn ended(
    asked: &Asked,
    scenes: &[Scene],
    (number, plan): (u64, &Kept),
    stop: &AtomicBool,
) -> Result<Option<Ended>, Failure> {
    let scene = scenes[asked.place(number).scene].mutated(&plan.mutations);
    if asked.coverage {
        let run = execute_covered(&scene, plan.seed, stop)?;
        return Ok(run.map(|(run, reached)| Ended::of(run, Some(reached))));
    }
    Ok(execute(&scene, plan.seed, stop)?.map(|run| Ended::of(run, None)))
}
