//! A scenario file as read: its text, the flags laid over it, and what it means.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use scenarios::model::Driver as Driven;
use scenarios::{Diagnostic, Scenario};

use super::args::{DriverName, Flags};
use super::console::Console;
use super::diagnosis;
use super::exit::{Exit, Failure};
use super::token::Token;
use crate::plan::{Plan, Tables, vocabulary};
use crate::run::Driver;

/// More bytes of a file than this are not read, whatever it is.
const READ_MAX: u64 = 64 << 20;

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// The file, as it was named.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) text: String,
    /// The flags laid over it.
    pub(super) set: Vec<(String, String)>,
    /// What it means.
    pub(super) scenario: Scenario,
    /// Who drives its runs: they are the same under either.
    pub(super) driver: Driver,
    /// Tables of its distributions, for all its runs.
    pub(super) tables: Tables,
    /// The digest of its scenario, once a run has asked for it.
    digest: OnceLock<u64>,
}

impl Scene {
    /// What a file means with the flags laid over it. The bare driver runs it, until another is asked for.
    pub(super) fn new(
        path: PathBuf,
        text: String,
        set: Vec<(String, String)>,
        scenario: Scenario,
    ) -> Self {
        let (driver, tables, digest) = (Driver::Bare, Tables::default(), OnceLock::new());
        Self { path, text, set, scenario, driver, tables, digest }
    }

    /// The same with another scenario, which neither text nor flags speak of.
    pub(super) fn with_scenario(&self, scenario: Scenario) -> Self {
        Self {
            driver: self.driver,
            // They are found by distribution, so they serve any scenario.
            tables: self.tables.clone(),
            ..Self::new(self.path.clone(), String::new(), Vec::new(), scenario)
        }
    }

    /// Reads a file; what is wrong with it is told.
    pub(super) fn load(
        path: &Path,
        set: &[(String, String)],
        console: &mut Console<'_>,
    ) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let bytes = bytes_of(path).map_err(|reason| {
            Failure::new(Exit::Scenario, format!("error: cannot read {name}: {reason}"))
        })?;
        let wrong = |errors: &[Diagnostic], text: &str, console: &mut Console<'_>| {
            diagnosis::tell(errors, &name, text, console);
            Failure::told(Exit::Scenario)
        };
        let text = match scenarios::text_of(&bytes) {
            Ok(text) => text.to_owned(),
            Err(errors) => return Err(wrong(&errors, "", console)),
        };
        let scenario = Scenario::load_with(&text, set, &loader(path), &vocabulary())
            .map_err(|errors| wrong(&errors, &text, console))?;
        // What the language lets pass and the simulator does not know.
        Plan::new(&scenario, scenario.seed)
            .map_err(|error| Failure::new(Exit::Scenario, format!("error: {name}: {error}")))?;
        Ok(Self::new(path.to_owned(), text, set.to_vec(), scenario))
    }

    /// Reads a file with the flags of a command.
    pub(super) fn with_flags(
        path: &Path,
        flags: &Flags,
        console: &mut Console<'_>,
    ) -> Result<Self, Failure> {
        let mut scene = Self::load(path, &flags.set, console)?;
        scene.tables = Tables::of(&scene.scenario);
        scene.driver = match (flags.driver, scene.scenario.driver) {
            (Some(DriverName::Hosted), _) | (None, Driven::Hosted) => Driver::Hosted,
            (Some(DriverName::Bare), _) | (None, Driven::Bare) => Driver::Bare,
        };
        if !scene.driver.is_here() {
            let exit = if flags.driver.is_some() { Exit::Usage } else { Exit::Scenario };
            return Err(Failure::new(
                exit,
                "error: this build is without `--cfg madsim`, which the hosted driver needs: a \
                 RUSTFLAGS in the environment of the build takes away what .cargo/config.toml \
                 sets; build without it, or use --driver bare, the run is the same",
            ));
        }
        Ok(scene)
    }

    /// Reads a file of which there are to be many runs, by the bare driver.
    pub(super) fn for_many(
        path: &Path,
        set: &[(String, String)],
        console: &mut Console<'_>,
    ) -> Result<Self, Failure> {
        let mut scene = Self::load(path, set, console)?;
        scene.tables = Tables::of(&scene.scenario);
        Ok(scene)
    }

    /// The same with what a seed draws changed so often, as a flag would have it.
    pub(super) fn mutated(&self, mutations: &[u64]) -> Cow<'_, Self> {
        if mutations.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut scenario = self.scenario.clone();
        if let Some(search) = &mut scenario.search {
            search.mutations = mutations.to_vec();
        }
        let numbers: Vec<String> = mutations.iter().map(u64::to_string).collect();
        let mut set = self.set.clone();
        set.push(("search.mutations".to_owned(), format!("[{}]", numbers.join(","))));
        Cow::Owned(Self { text: self.text.clone(), set, ..self.with_scenario(scenario) })
    }

    /// The same with a flag more.
    ///
    /// # Errors
    /// When the flag is none of the scenario, or makes it one that is refused.
    pub(super) fn with_flag(&self, path: &str, value: &str) -> Result<Self, Failure> {
        let mut set = self.set.clone();
        set.push((path.to_owned(), value.to_owned()));
        let scenario = Scenario::load_with(&self.text, &set, &loader(&self.path), &vocabulary())
            .map_err(|errors| {
                let why = errors.first().map_or("", |error| error.message.as_str());
                let text = format!("error: {}: --set {path}: {why}", self.path.display());
                Failure::new(Exit::Scenario, text)
            })?;
        Ok(Self { set, scenario, digest: OnceLock::new(), ..self.clone() })
    }

    /// What names a run of it.
    pub(super) fn token(&self, seed: u64) -> Token {
        Token {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: *self.digest.get_or_init(|| self.scenario.digest()),
            seed,
            path: self.path.display().to_string(),
            set: self.set.clone(),
        }
    }

    /// The command that runs it again.
    pub(super) fn command(&self, seed: u64) -> String {
        self.token(seed).command()
    }

    /// Tells what Kafka accepts of the configuration and hurts.
    pub(super) fn warn(&self, console: &mut Console<'_>) {
        let warnings = crate::warning::warnings(&self.scenario);
        if warnings.is_empty() {
            return;
        }
        let origins = self.origins();
        for warning in warnings {
            // Paths quote keys with dots only, and flags quote nothing.
            let plain = |path: &str| path.replace('"', "");
            let origin = origins.iter().find(|one| plain(&one.path) == plain(&warning.path));
            let place = match origin.map(|one| one.origin.as_str()) {
                Some(place) => format!("{}, {place}", self.path.display()),
                None => format!("{}, by default", self.path.display()),
            };
            console.error(&format!(
                "warning[{}]: {}\n  at {} ({place})\n  source: {}",
                warning.name, warning.text, warning.path, warning.source
            ));
        }
    }

    /// Every value that file, bases and flags give, with where it is.
    pub(super) fn origins(&self) -> Vec<scenarios::Origin> {
        scenarios::origins(&self.text, &self.set, &loader(&self.path))
    }
}

/// Reads what `extends` names, relative to the file.
fn loader(path: &Path) -> impl Fn(&str) -> Result<String, String> {
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    move |name: &str| {
        let bytes = bytes_of(&folder.join(name))?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
    }
}

/// The bytes of a regular file; nothing waits for a pipe that nobody writes to.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    };
    let kind = std::fs::metadata(path).map_err(told)?;
    if kind.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !kind.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(told)?;
    file.take(READ_MAX).read_to_end(&mut bytes).map_err(told)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use scenarios::Scenario;

    use super::Scene;
    use crate::world::small::cluster;

    #[test]
    fn another_scenario_has_a_token_of_its_own() {
        let text = cluster((1, 1), 1, 10, "[search]\n");
        let scenario = Scenario::parse(&text, &[]).expect("a scenario");
        let scene = Scene::new(PathBuf::from("s.toml"), text, Vec::new(), scenario);
        let token = scene.token(7);
        let other = Scenario { duration: 2_000_000_000, ..scene.scenario.clone() };
        let other = scene.with_scenario(other);
        assert_ne!(other.token(7).digest, token.digest);
        assert_eq!(other.token(7).digest, other.scenario.digest());
        let mutated = scene.mutated(&[3]);
        assert_ne!(mutated.token(7).digest, token.digest);
        assert_eq!(mutated.token(7).set.len(), 1);
    }
}
