//! Services as async code under the hosted driver: the same traces as pure twins under the bare
//! one, the same runs as without madsim, and nothing left behind.

#[cfg(not(madsim))]
#[test]
fn madsim_is_there() {
    panic!(
        "this build is without `--cfg madsim`, so nothing of the hosted driver was tested: \
         .cargo/config.toml sets the flag, and a RUSTFLAGS in the environment takes it away; \
         unset RUSTFLAGS (see docs/determinism.md)"
    );
}

#[cfg(not(madsim))]
#[test]
fn without_the_flag_the_hosted_driver_is_refused() {
    let file = "../scenarios/smoke/produce-consume.toml";
    let (exit, _, err) = command(&["run", file, "--driver", "hosted"]);
    assert_eq!(exit, 64);
    assert!(err.contains("without `--cfg madsim`"), "{err}");
}

/// Exit code, results and messages of a command.
fn command(words: &[&str]) -> (i32, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("assize").chain(words.iter().copied());
    let exit = assize::cli::main_with(args, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (exit, text(out), text(err))
}

#[cfg(madsim)]
mod drivers;
#[cfg(madsim)]
mod page;
#[cfg(madsim)]
mod programs;
#[cfg(madsim)]
mod twin;
