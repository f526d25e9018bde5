//! Scenario files with mistakes: what is said about each, word for word.

use std::path::{Path, PathBuf};

use scenarios::{Scenario, text_of};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bad")
}

/// What the command line would say about a file, in plain text.
fn told(name: &str, bytes: &[u8]) -> String {
    let loader = |base: &str| -> Result<String, String> {
        std::fs::read_to_string(folder().join(base)).map_err(|_| "no such file".to_owned())
    };
    let (text, result) = match text_of(bytes) {
        Ok(text) => {
            let words = assize::plan::vocabulary();
            (text, Scenario::load_with(text, &[], &loader, &words).map(|_| ()))
        }
        Err(errors) => ("", Err(errors)),
    };
    let errors = result.expect_err("every file in this folder is bad");
    for error in &errors {
        let text = error.source.as_ref().map_or(text, |(_, text)| text);
        for (range, _) in &error.labels {
            assert!(range.start <= range.end && range.end <= text.len(), "{name}: {error:?}");
            assert!(text.is_char_boundary(range.start) && text.is_char_boundary(range.end));
        }
    }
    errors.iter().map(|error| error.render(name, text)).collect()
}

#[test]
fn every_bad_file_is_told_as_recorded() {
    let entries = std::fs::read_dir(folder()).expect("the folder is in the repository");
    let mut names: Vec<String> = entries
        .map(|e| e.expect("readable").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    assert!(names.len() >= 25, "{} files", names.len());
    for name in names {
        let bytes = std::fs::read(folder().join(&name)).expect("readable");
        insta::assert_snapshot!(name.trim_end_matches(".toml"), told(&name, &bytes));
    }
}

#[test]
fn a_file_of_ten_megabytes_is_refused_at_once() {
    let told = told("large.toml", &vec![b'#'; 10 << 20]);
    assert!(told.starts_with("error[scenario::too-large]"), "{told}");
}
