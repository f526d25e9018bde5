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

#[cfg(madsim)]
mod drivers;
#[cfg(madsim)]
mod programs;
#[cfg(madsim)]
mod twin;
