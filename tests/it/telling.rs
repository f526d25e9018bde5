//! What a run tells at the terminal, against what documents and readers make of it.

use assize_tests::root;

use crate::command::{Told, assize};
use crate::place::shipped;

#[test]
fn what_the_readme_shows_of_a_run_is_what_it_prints() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("part of the repository");
    let Told { out, .. } = assize(&["run", &shipped("hazards/acks-1.toml")]);
    let counted = ["checks  ", "invariants  ", "  since boot", "FAIL, AS EXPECTED  "];
    let shown = readme.lines().filter(|line| counted.iter().any(|one| line.starts_with(one)));
    let shown: Vec<&str> = shown.collect();
    assert_eq!(shown.len(), counted.len());
    let wrong: Vec<_> = shown.iter().filter(|line| !out.lines().any(|one| one == **line)).collect();
    assert!(wrong.is_empty(), "run docs/samples.sh: README.md has {wrong:?}, the run\n{out}");
}

/// A throttle below what is written meanwhile: the copies never catch up, so records hardly wait.
#[test]
fn a_reassignment_that_never_ends_is_not_the_best_of_all() {
    let file = shipped("operations/reassignment-throttled.toml");
    let Told { code, out, .. } = assize(&["run", &file, "--set", "fault.1.throttle=1MB/s"]);
    assert_eq!(code, 12, "{out}");
    let tells =
        ["reassignment_time", "never", "NOT DONE when the load ended", "was lifted after 50"];
    for told in tells {
        assert!(out.contains(told), "{told} in\n{out}");
    }
}
