//! What a sweep is asked for, and with that which runs there are: the head of its records.

use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cli::args::{Shard, SweepArgs, shard};
use crate::cli::exit::{Exit, Failure};
use crate::cli::scene::Scene;

/// Everything that decides which runs there are and what comes of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Asked {
    /// The version of assize.
    pub(in crate::cli) version: String,
    /// The scenario files, in order.
    pub(in crate::cli) files: Vec<AskedFile>,
    /// The flags laid over them, each `PATH=VALUE`.
    pub(in crate::cli) set: Vec<String>,
    /// The first seed.
    pub(in crate::cli) from: u64,
    /// The seed behind the last one; none when only the time ends the sweep.
    pub(in crate::cli) to: Option<u64>,
    /// Milliseconds by the clock on the wall after which no run begins.
    pub(in crate::cli) for_ms: Option<u64>,
    /// Whether runs tell what they reached.
    pub(in crate::cli) coverage: bool,
    /// Whether plans that reached something new are changed.
    pub(in crate::cli) guided: bool,
    /// Which part of the sweep, `I/N`.
    pub(super) shard: String,
}

/// A scenario file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct AskedFile {
    /// Its path, as it was named.
    pub(in crate::cli) file: String,
    /// The digest of what it means with the flags, 16 hex digits.
    pub(in crate::cli) scenario: String,
}

/// A run of a sweep: which file, under which seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Place {
    /// The file, from 0.
    pub(in crate::cli) scene: usize,
    /// The seed.
    pub(in crate::cli) seed: u64,
}

impl Asked {
    /// What these arguments ask for.
    ///
    /// # Errors
    /// When nobody can count the runs.
    pub(super) fn of(args: &SweepArgs, scenes: &[Scene]) -> Result<Self, Failure> {
        let (from, to) = match &args.seeds {
            Some(Range { start, end }) => (*start, Some(*end)),
            None => (0, None),
        };
        let files = scenes.iter().map(|scene| AskedFile {
            file: scene.path.display().to_string(),
            scenario: format!("{:016x}", scene.scenario.digest()),
        });
        let asked = Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            files: files.collect(),
            set: set_of(args).iter().map(|(path, value)| format!("{path}={value}")).collect(),
            from,
            to,
            for_ms: args.time,
            coverage: args.coverage || args.guided,
            guided: args.guided,
            shard: args.shard.unwrap_or(Shard::WHOLE).to_string(),
        };
        let countable =
            to.is_none_or(|to| (to - from).checked_mul(asked.files.len() as u64).is_some());
        if !countable {
            let text = "error: --seeds: that many runs cannot be counted";
            return Err(Failure::new(Exit::Usage, text));
        }
        if asked.guided && !asked.can_be_guided() {
            let text = "error: --guided: one process makes all runs, since they learn from each \
                        other: not with --shard, and with --for of one file only";
            return Err(Failure::new(Exit::Usage, text));
        }
        Ok(asked)
    }

    /// Whether it makes sense: what is read from a file may not.
    pub(super) fn is_sound(&self) -> bool {
        if self.guided && !(self.coverage && self.can_be_guided()) {
            return false;
        }
        let seeds = self.to.map(|to| to.saturating_sub(self.from));
        let runs = seeds.map(|seeds| seeds.checked_mul(self.files.len() as u64));
        let shard = shard(&self.shard);
        !self.files.is_empty()
            && runs.is_none_or(|runs| runs.is_some_and(|runs| runs > 0))
            && (self.to.is_some() || self.for_ms.is_some())
            && shard.is_ok_and(|one| one.to_string() == self.shard)
    }

    /// Whether later runs can learn from earlier ones: this process must make them all, and a time
    /// must not let files take turns.
    fn can_be_guided(&self) -> bool {
        let whole = self.shard == Shard::WHOLE.to_string();
        whole && (self.for_ms.is_none() || self.files.len() == 1)
    }

    /// The part of the sweep.
    pub(in crate::cli) fn shard(&self) -> Shard {
        shard(&self.shard).expect("it was written by a shard, or looked at when it was read")
    }

    /// The same as one process would be asked.
    pub(in crate::cli) fn whole(&self) -> Self {
        Self { shard: Shard::WHOLE.to_string(), ..self.clone() }
    }

    /// Runs of all shards together; none when only the time ends the sweep.
    pub(in crate::cli) fn total(&self) -> Option<u64> {
        Some((self.to? - self.from) * self.files.len() as u64)
    }

    /// Runs of this shard; none when only the time ends the sweep.
    pub(in crate::cli) fn own(&self) -> Option<u64> {
        let Shard { number, of } = self.shard();
        let behind = self.total()?.saturating_sub(number - 1);
        Some(behind.div_ceil(of))
    }

    /// The number within the sweep of a run of this shard, from 0 both.
    pub(in crate::cli) fn number(&self, own: u64) -> u64 {
        let Shard { number, of } = self.shard();
        own.saturating_mul(of).saturating_add(number - 1)
    }

    /// Whether a run of this number is of this shard.
    pub(in crate::cli) fn has(&self, number: u64) -> bool {
        let Shard { number: first, of } = self.shard();
        number % of == first - 1 && self.total().is_none_or(|total| number < total)
    }

    /// The run of a number. With a time to end, every file has its turn under each seed; else
    /// every seed with each file.
    pub(in crate::cli) fn place(&self, number: u64) -> Place {
        let files = self.files.len() as u64;
        let (scene, behind) = match (self.for_ms, self.to) {
            (None, Some(to)) => (number / (to - self.from), number % (to - self.from)),
            _ => (number % files, number / files),
        };
        Place { scene: scene as usize, seed: self.from.saturating_add(behind) }
    }

    /// The number behind the last run of the file that a run has; none when only the time ends it.
    pub(super) fn behind_file(&self, number: u64) -> Option<u64> {
        let each = self.to? - self.from;
        Some((number / each + 1) * each)
    }

    /// The files, to be read again.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|one| PathBuf::from(&one.file)).collect()
    }

    /// The flags, to be laid over them again.
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        let split = |text: &String| text.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()));
        self.set.iter().filter_map(split).collect()
    }

    /// What differs in another one, in words; none when they ask for the same.
    pub(in crate::cli) fn difference(&self, other: &Self) -> Option<String> {
        let told = |name: &str, one: String, other: String| {
            (one != other).then(|| format!("{name}: {one} there, {other} here"))
        };
        let files = |asked: &Self| {
            asked.files.iter().map(|one| one.file.clone()).collect::<Vec<_>>().join(", ")
        };
        let digests = |asked: &Self| {
            let digests = asked.files.iter().map(|one| one.scenario.clone());
            digests.collect::<Vec<_>>().join(", ")
        };
        let seeds = |asked: &Self| match asked.to {
            Some(to) => format!("{}..{to}", asked.from),
            None => format!("from {}", asked.from),
        };
        let time = |asked: &Self| asked.for_ms.map_or("none".to_owned(), |ms| format!("{ms}ms"));
        told("version", self.version.clone(), other.version.clone())
            .or_else(|| told("files", files(self), files(other)))
            .or_else(|| told("flags", self.set.join(" "), other.set.join(" ")))
            .or_else(|| told("what the files say (digests)", digests(self), digests(other)))
            .or_else(|| told("--seeds", seeds(self), seeds(other)))
            .or_else(|| told("--for", time(self), time(other)))
            .or_else(|| told("--coverage", self.coverage.to_string(), other.coverage.to_string()))
            .or_else(|| told("--guided", self.guided.to_string(), other.guided.to_string()))
            .or_else(|| told("--shard", self.shard.clone(), other.shard.clone()))
    }
}

/// The key of the scenario that `--beyond-spec` sets.
pub(super) const BEYOND_SPEC: &str = "search.beyond_spec";

/// The flags that are laid over the files.
pub(super) fn set_of(args: &SweepArgs) -> Vec<(String, String)> {
    let mut set = args.flags.set.clone();
    if args.beyond_spec {
        set.push((BEYOND_SPEC.to_owned(), "true".to_owned()));
    }
    set
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Asked, AskedFile, Place};

    pub(in crate::cli::sweep) fn asked(files: &[&str], seeds: (u64, Option<u64>)) -> Asked {
        let file = |name: &&str| AskedFile {
            file: (*name).to_owned(),
            scenario: "00000000000000ff".to_owned(),
        };
        Asked {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            files: files.iter().map(file).collect(),
            set: Vec::new(),
            from: seeds.0,
            to: seeds.1,
            for_ms: None,
            coverage: false,
            guided: false,
            shard: "1/1".to_owned(),
        }
    }

    fn places(asked: &Asked, count: u64) -> Vec<(usize, u64)> {
        let place = |own| asked.place(asked.number(own));
        (0..count).map(place).map(|Place { scene, seed }| (scene, seed)).collect()
    }

    #[test]
    fn seeds_come_file_by_file_and_under_a_time_seed_by_seed() {
        let two = asked(&["a", "b"], (5, Some(7)));
        assert_eq!((two.total(), two.own()), (Some(4), Some(4)));
        assert_eq!(places(&two, 4), [(0, 5), (0, 6), (1, 5), (1, 6)]);
        let timed = Asked { for_ms: Some(1), ..two };
        assert_eq!(places(&timed, 4), [(0, 5), (1, 5), (0, 6), (1, 6)]);
        let open = Asked { to: None, ..timed };
        assert_eq!((open.total(), places(&open, 3)), (None, vec![(0, 5), (1, 5), (0, 6)]));
    }

    #[test]
    fn shards_have_every_run_once() {
        let whole = asked(&["a"], (0, Some(10)));
        let mut all = Vec::new();
        for number in 1..=4 {
            let one = Asked { shard: format!("{number}/4"), ..whole.clone() };
            assert!(one.is_sound());
            all.extend((0..one.own().expect("it is bounded")).map(|own| one.number(own)));
        }
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        let late = Asked { shard: "4/4".to_owned(), ..asked(&["a"], (0, Some(2))) };
        assert_eq!(late.own(), Some(0));
    }

    #[test]
    fn what_cannot_be_asked_is_not_sound() {
        let good = asked(&["a"], (0, Some(2)));
        assert!(good.is_sound());
        for bad in [
            Asked { files: Vec::new(), ..good.clone() },
            Asked { to: Some(0), ..good.clone() },
            Asked { to: None, ..good.clone() },
            Asked { shard: "3/2".to_owned(), ..good.clone() },
            Asked { shard: "01/2".to_owned(), ..good },
        ] {
            assert!(!bad.is_sound(), "{bad:?}");
        }
    }

    #[test]
    fn differences_are_named() {
        let one = asked(&["a"], (0, Some(2)));
        assert_eq!(one.difference(&one.clone()), None);
        let other = Asked { to: Some(3), ..one.clone() };
        assert_eq!(one.difference(&other).as_deref(), Some("--seeds: 0..2 there, 0..3 here"));
        let other = Asked { set: vec!["a=1".to_owned()], ..one.clone() };
        assert!(one.difference(&other).is_some_and(|text| text.contains("flags")));
    }
}
