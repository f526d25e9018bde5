//! The order of modules inside packages: a module uses only what stands to its left.

use super::{Source, assert_none, sources};

/// The modules of a package.
struct Package {
    folder: &'static str,
    /// From the bottom to the top. Those of one layer do not know each other.
    layers: &'static [&'static [&'static str]],
    /// Who uses whom against that order, and may.
    against: &'static [(&'static str, &'static str)],
}

const PACKAGES: &[Package] = &[
    Package {
        folder: "broker-model/src/",
        layers: &[
            &["types", "slab"],
            &["protocol", "records"],
            &["config", "names", "note", "rules"],
            &["io"],
            &["coordinator", "log", "metadata", "quorum", "timers"],
            &["partition"],
            &["controller", "fetch", "group", "replication", "txn"],
            &["broker"],
        ],
        // One vocabulary in two folders.
        against: &[("protocol", "records"), ("records", "protocol")],
    },
    Package {
        folder: "sim/src/",
        layers: &[
            &["codec", "host", "prng", "stores"],
            &["network", "records"],
            &["client"],
            &["dialogue", "plan"],
            &["warning", "world"],
            &["coverage", "invariant", "service"],
            &["run"],
            &["story"],
            &["hosted", "shrink", "zoo"],
            &["cli"],
            &["main"],
        ],
        // Keys of records are hashed as clients hash them. The world feeds the invariants
        // and the coverage, which look at its nodes. A run may be driven from outside.
        against: &[
            ("records", "client"),
            ("world", "coverage"),
            ("world", "invariant"),
            ("run", "hosted"),
        ],
    },
    Package {
        folder: "reports/src/",
        layers: &[
            &["number", "story"],
            &["metric"],
            &["history"],
            &["checker"],
            &["summary"],
            &["render"],
        ],
        // Measurements belong to a phase of the run. The recorder keeps the states of the checks,
        // which are fed as it is told.
        against: &[("metric", "history"), ("history", "checker")],
    },
];

/// What a service may take from the world: the trait of an actor and what its calls are given.
const OF_AN_ACTOR: &[&str] =
    &["Actor", "ActorContext", "ClientPlan", "LoadWindow", "Port", "Shared"];

impl Package {
    fn layer(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.contains(&module))
    }

    /// The module of a file, if the file is of this package.
    fn module_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let first = path.strip_prefix(self.folder)?.split('/').next()?;
        (first != "lib.rs").then(|| first.trim_end_matches(".rs"))
    }

    fn wrong(&self, source: &Source) -> Vec<String> {
        let Some(module) = self.module_of(&source.path) else { return Vec::new() };
        let Some(own) = self.layer(module) else {
            return vec![format!("{}: module {module} is in no layer", source.path)];
        };
        let wrong = used(source).into_iter().filter(|other| {
            let may = self.against.contains(&(module, *other));
            *other != module && !may && self.layer(other).is_none_or(|layer| layer >= own)
        });
        wrong.map(|other| format!("{}: {module} must not use {other}", source.path)).collect()
    }
}

/// The lines of a file without what is said about them.
fn plain(source: &Source) -> impl Iterator<Item = &str> {
    source.code().map(|line| line.split("//").next().unwrap_or(line))
}

/// The modules that a file uses.
fn used(source: &Source) -> Vec<&str> {
    let after = plain(source).flat_map(|line| line.split("crate::").skip(1));
    let end = |rest: &str| rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    after.map(|rest| &rest[..end(rest).unwrap_or(rest.len())]).collect()
}

fn wrong(source: &Source) -> Vec<String> {
    PACKAGES.iter().flat_map(|package| package.wrong(source)).collect()
}

/// What a file of the services takes from the world and is not of an actor.
fn beyond_an_actor(source: &Source) -> Vec<String> {
    if !source.path.starts_with("sim/src/service/") {
        return Vec::new();
    }
    let taken = plain(source).flat_map(|line| line.split("crate::world::").skip(1));
    let names = taken.flat_map(|rest| rest.split(|c: char| !c.is_alphanumeric()));
    let names = names.filter(|name| !name.is_empty() && !OF_AN_ACTOR.contains(name));
    names.map(|name| format!("{}: services must not use world::{name}", source.path)).collect()
}

/// Whole files that only tests have, beside those that [`Source::is_test`] knows by their names.
fn is_for_tests(source: &Source) -> bool {
    let path = source.path.as_str();
    let alone = ["sim/src/world/small.rs", "sim/src/invariant/living.rs"];
    source.is_test() || path.ends_with("_tests.rs") || alone.contains(&path)
}

#[test]
fn modules_look_to_the_left_only() {
    let all = sources();
    let files = || all.iter().filter(|s| s.is_rust() && !is_for_tests(s));
    let found: Vec<String> = files().flat_map(wrong).collect();
    assert_none("against the order of tests/it/tidy/layers.rs", &found);
    let found: Vec<String> = files().flat_map(beyond_an_actor).collect();
    assert_none("services know the world by its actors", &found);
}

#[test]
fn a_look_to_the_right_is_found() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let log = "broker-model/src/log/append.rs";
    assert_eq!(wrong(&source(log, "use crate::partition::Replica;\n")).len(), 1);
    assert_eq!(wrong(&source(log, "pub(crate) use crate::broker::Broker;\n")).len(), 1);
    assert_eq!(wrong(&source(log, "use crate::records::Batches;\n")).len(), 0);
    assert_eq!(wrong(&source("broker-model/src/group/mod.rs", "use crate::txn::X;\n")).len(), 1);
    assert_eq!(wrong(&source("broker-model/src/novel.rs", "")).len(), 1);
    assert_eq!(wrong(&source("sim/src/plan/mod.rs", "use crate::world::World;\n")).len(), 1);
    assert_eq!(wrong(&source("sim/src/world/a.rs", "let a = crate::run::world_of(b);\n")).len(), 1);
    assert_eq!(wrong(&source("sim/src/world/a.rs", "// crate::run::world_of\n")).len(), 0);
    assert_eq!(wrong(&source("reports/src/history/a.rs", "use crate::render::A;\n")).len(), 1);
    let service = source("sim/src/service/a.rs", "use crate::world::{Actor, World};\n");
    assert_eq!((wrong(&service).len(), beyond_an_actor(&service).len()), (0, 1));
}
