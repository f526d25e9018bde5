//! The command line, run within the process.

/// Exit code, standard output, standard error.
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// An object that it printed.
pub(crate) fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).expect("a line of JSON")
}

pub(crate) fn assize(args: &[&str]) -> Told {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("assize").chain(args.iter().copied());
    let code = assize::cli::main_with(args, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("the command line writes UTF-8");
    Told { code, out: text(out), err: text(err) }
}
