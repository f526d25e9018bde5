//! What a command line names a run by: a token, or a file with a seed.

use super::args::Flags;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::scene::Scene;
use super::token::Token;

/// The scene and seed that were asked for; a token that does not fit is refused.
pub(super) fn named(
    what: &str,
    seed: Option<u64>,
    flags: &Flags,
    console: &mut Console<'_>,
) -> Result<(Scene, u64), Failure> {
    let path = std::path::Path::new(what);
    if !Token::looks_like(what) || path.is_file() {
        let scene = Scene::with_flags(path, flags, console)?;
        let seed = seed.unwrap_or(scene.scenario.seed);
        return Ok((scene, seed));
    }
    let given = [("--seed", "seed", seed.is_some()), ("--set", "values", !flags.set.is_empty())];
    if let Some((flag, what, _)) = given.iter().find(|(_, _, given)| *given) {
        let text = format!("error: {flag}: a token names its {what}; give the file in its place");
        return Err(Failure::new(Exit::Usage, text));
    }
    let refuse = |text: String| Failure::new(Exit::Scenario, format!("error: {text}"));
    let token = Token::parse(what).map_err(refuse)?;
    let version = env!("CARGO_PKG_VERSION");
    if token.version != version {
        return Err(refuse(format!(
            "the token is from assize {}, this is {version}: the same seed may give another run; \
             use the version that printed it",
            token.version
        )));
    }
    let flags = Flags { set: token.set.clone(), ..flags.clone() };
    let scene = Scene::with_flags(std::path::Path::new(&token.path), &flags, console)?;
    let digest = scene.scenario.digest();
    if digest != token.digest {
        return Err(refuse(format!(
            "{} has changed since the token was printed (scenario {digest:016x}, the token has \
             {:016x}): go back to the file of that run, or run it anew with --seed {}",
            token.path, token.digest, token.seed
        )));
    }
    Ok((scene, token.seed))
}
