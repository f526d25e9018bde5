//! Many runs at a time: threads, how they are stopped, and how far they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::Console;
use super::exit::{Exit, Failure};

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
