//! The list of mutants does not rot.

use std::collections::{BTreeMap, BTreeSet};

use assize_tests::mutants::{Mutant, all, mutated, read};
use assize_tests::root;

#[test]
fn every_mutant_has_a_place_of_its_own() {
    let mutants = all();
    let mut files: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (number, mutant) in mutants.iter().enumerate() {
        assert!(ids.insert(&mutant.id), "{} is there twice", mutant.id);
        assert!(!mutant.breaks.is_empty() && !mutant.breaks.ends_with('.'), "{}", mutant.id);
        files.entry(&mutant.file).or_default().push((number, mutant));
    }
    for (file, here) in files {
        let source = std::fs::read_to_string(root().join(file));
        let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
        mutated(&source, &here).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn who_survives_is_explained() {
    let records = read(&root()).unwrap_or_else(|error| panic!("{error}"));
    let page = std::fs::read_to_string(root().join("docs/mutants.md")).expect("the page");
    for mutant in all() {
        let record = records.get(&mutant.id).filter(|record| record.change == mutant.digest());
        if record.is_some_and(|record| !record.killed) {
            let why = mutant.why.as_deref();
            let why = why.unwrap_or_else(|| panic!("{}: why does it survive?", mutant.id));
            assert!(page.contains(why), "docs/mutants.md does not say of {}: {why}", mutant.id);
        }
    }
    let mutants = all();
    let known = |id: &&String| mutants.iter().all(|mutant| mutant.id != **id);
    assert_eq!(records.keys().find(known), None, "a record of no mutant");
}
