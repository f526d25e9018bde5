//! `assize zoo table`: how long search takes to find each entry, over restarts with fresh seeds.

use std::sync::atomic::{AtomicBool, Ordering};

use reports::summary::Summary;

use super::super::console::Console;
use super::super::execute::execute;
use super::super::exit::{Exit, Failure};
use super::super::scene::Scene;
use super::super::shrink::smallest;
use super::super::threads::{listen, pool};
use super::arguments::{BiasName, ZooTableArgs};
use super::hunt::{Hunt, Hunted, Limits};
use super::records::{Bias, Head, Key, Record, Records};
use super::{entry_of, markdown, scene_of, told};
use crate::shrink::Cause;
use crate::zoo::Entry;

/// Seeds of one restart; none makes so many runs.
const SEEDS_OF_A_RESTART: u64 = 10_000_000;
/// Runs that tell one measurement from another.
const FINGERS: u64 = 4;

/// An entry with its universe, and what the first seeds there do.
struct Target {
    entry: &'static Entry,
    scene: Scene,
    fingerprint: String,
}

pub(super) fn command(args: &ZooTableArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let entries = if args.ids.is_empty() {
        Entry::all().collect::<Vec<_>>()
    } else {
        args.ids.iter().map(|id| entry_of(id)).collect::<Result<_, _>>()?
    };
    if let Some(path) = &args.write {
        markdown::around_table(path)?;
    }
    let head = Head {
        assize: env!("CARGO_PKG_VERSION").to_owned(),
        from: args.from,
        cap_s: args.cap as f64 / 1_000.0,
    };
    let mut records = Records::open(&args.state, &head)?;
    let pool = pool(args.threads.map_or(0, usize::from))?;
    let stop = listen();
    let mut bugs = 0;
    let biases: &[Bias] = match args.bias {
        None => &[Bias::Events, Bias::Blind],
        Some(BiasName::Events) => &[Bias::Events],
        Some(BiasName::Blind) => &[Bias::Blind],
    };
    for &bias in biases {
        let targets = targets(&entries, bias, &records, console)?;
        // Restart by restart: whoever looks early finds a little of everything.
        for restart in 0..args.restarts {
            for target in &targets {
                let key = Key { id: target.entry.id.to_owned(), bias, restart };
                if records.all.contains_key(&key) || args.gives_up(&records, &key) {
                    continue;
                }
                let hunted = args.hunt(target, restart, (&pool, &stop));
                hunted.bugs.iter().for_each(|bug| console.error(bug));
                bugs += hunted.bugs.len();
                // Given up half-way it is no measurement; found it is one.
                if stop.load(Ordering::Relaxed) && hunted.hit.is_none() {
                    return Ok(Exit::Interrupted);
                }
                let mut record = record(key, target, &hunted);
                if args.shrinks_another(&records, &record) {
                    let hands = (&pool, &*stop);
                    record.shrunk = shrunk(target, &record, args.budget, hands, console);
                }
                console.error(&told::progress(&record));
                records.add(record)?;
            }
        }
    }
    markdown::tell(args, &entries, &records, console)?;
    Ok(if bugs == 0 { Exit::Expected } else { Exit::Bug })
}

/// The entries where they are looked for. Refused when what is on record of one was measured on other
/// runs.
fn targets(
    entries: &[&'static Entry],
    bias: Bias,
    records: &Records,
    console: &mut Console<'_>,
) -> Result<Vec<Target>, Failure> {
    let mut targets = Vec::new();
    for entry in entries {
        let scene = scene_with(entry, bias, console)?;
        let fingerprint = fingerprint(&scene)?;
        let of_this = |record: &&Record| record.key.id == entry.id && record.key.bias == bias;
        if records.all.values().filter(of_this).any(|known| known.fingerprint != fingerprint) {
            return Err(records.foreign(&format!(
                "its seeds of {} did something else than they do now",
                entry.id
            )));
        }
        targets.push(Target { entry, scene, fingerprint });
    }
    Ok(targets)
}

impl ZooTableArgs {
    /// One search, with the seeds of its restart.
    fn hunt(
        &self,
        target: &Target,
        restart: u64,
        (pool, stop): (&rayon::ThreadPool, &AtomicBool),
    ) -> Hunted {
        let from = restart.saturating_mul(SEEDS_OF_A_RESTART).saturating_add(self.from);
        let limits = Limits { from, ms: self.cap };
        Hunt::new(target.entry, &target.scene, pool, stop).start(limits)
    }

    /// Whether what was found is made small, too.
    fn shrinks_another(&self, records: &Records, record: &Record) -> bool {
        let same = |known: &&Record| known.key.id == record.key.id && known.shrunk.is_some();
        record.found
            && record.key.bias == Bias::Events
            && (records.all.values().filter(same).count() as u64) < self.shrinks
    }

    /// Whether so many searches for an entry found nothing that further ones are left out.
    fn gives_up(&self, records: &Records, key: &Key) -> bool {
        let same = |known: &&Record| known.key.id == key.id && known.key.bias == key.bias;
        let all = records.all.values().filter(same);
        let (found, missed): (Vec<&Record>, Vec<&Record>) = all.partition(|known| known.found);
        self.give_up.is_some_and(|most| found.is_empty() && missed.len() as u64 >= most)
    }
}

fn scene_with(entry: &Entry, bias: Bias, console: &mut Console<'_>) -> Result<Scene, Failure> {
    let blind = [("search.at_events".to_owned(), "0".to_owned())];
    let more: &[(String, String)] = match bias {
        Bias::Events => &[],
        Bias::Blind => &blind,
    };
    scene_of(entry, more, console)
}

/// What the first seeds do: the scenario, the model and the generator all show in it.
fn fingerprint(scene: &Scene) -> Result<String, Failure> {
    let mut digests = Vec::new();
    for seed in 0..FINGERS {
        let run = execute(scene, seed, &AtomicBool::new(false))?;
        digests.push(run.expect("nobody gives this run up").summary.digest);
    }
    Ok(digests.join("-"))
}

/// Faults and operations of what was found when it is made small. A failure that cannot be is told,
/// and the measurement goes on.
fn shrunk(
    target: &Target,
    record: &Record,
    budget_ms: u64,
    (pool, stop): (&rayon::ThreadPool, &AtomicBool),
    console: &mut Console<'_>,
) -> Option<(u64, u64)> {
    let seed = record.seed?;
    let of_the_entry = |summary: &Summary| Cause::of_one_of(summary, target.entry.seen);
    let found = (&target.scene, seed);
    match pool.install(|| smallest(found, of_the_entry, budget_ms, stop)) {
        Ok(small) => small.map(|small| (small.faults(), small.operations())),
        Err(failure) => {
            console.error(&failure.text);
            None
        }
    }
}

fn record(key: Key, target: &Target, hunted: &Hunted) -> Record {
    Record {
        key,
        fingerprint: target.fingerprint.clone(),
        found: hunted.hit.is_some(),
        runs: hunted.runs,
        wall_s: (hunted.wall_s * 1_000.0).round() / 1_000.0,
        seed: hunted.hit.as_ref().map(|hit| hit.0),
        check: told::check(target.entry, hunted).map(str::to_owned),
        shrunk: None,
    }
}
