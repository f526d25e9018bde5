//! `assize zoo`: published bugs, and how long generic search takes to find each.

mod arguments;
mod hunt;
mod markdown;
mod measure;
mod records;
mod table;
mod told;

use reports::summary::Summary;

use super::args::Format;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::library;
use super::scene::Scene;
use super::shrink::{Written, nothing_there, smallest, write};
use super::table::Columns;
use super::threads::{listen, pool};
use crate::shrink::Cause;
use crate::zoo::Entry;
pub(super) use arguments::ZooArgs;
use arguments::{ZooCommand, ZooListArgs, ZooRunArgs};
use hunt::{Hunt, Limits};

pub(super) fn command(args: &ZooArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.command {
        ZooCommand::List(args) => Ok(list(args, console)),
        ZooCommand::Run(args) => run(args, console),
        ZooCommand::Table(args) => table::command(args, console),
    }
}

fn list(args: &ZooListArgs, console: &mut Console<'_>) -> Exit {
    let mut columns = Columns::new(&["id", "kind", "universe", "today", "title"]);
    for entry in Entry::all() {
        if args.format == Format::Json {
            console.line(&told::entry(entry).to_string());
        }
        columns.row([
            entry.id.to_owned(),
            entry.kind.name().to_owned(),
            entry.universe.file().to_owned(),
            entry.today.name().to_owned(),
            entry.title.to_owned(),
        ]);
    }
    if args.format == Format::Human {
        columns.print(console);
    }
    Exit::Expected
}

fn run(args: &ZooRunArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let entry = entry_of(&args.id)?;
    let scene = scene_of(entry, &args.set, console)?;
    let pool = pool(args.threads.map_or(0, usize::from))?;
    let stop = listen();
    if let Some(out) = &args.out {
        nothing_there(out)?;
    }
    let folder = args.out.as_deref().map(Folder::prepare).transpose()?;
    let limits = Limits { from: args.from, ms: args.cap };
    let hunt = Hunt::new(entry, &scene, &pool, &stop).start(limits);
    for bug in &hunt.bugs {
        console.error(bug);
    }
    let mut small = match &hunt.hit {
        Some(hit) if !args.no_shrink => {
            let of_the_entry = |summary: &Summary| Cause::of_one_of(summary, entry.seen);
            pool.install(|| smallest((&scene, hit.0), of_the_entry, args.budget, &stop))?
        }
        _ => None,
    };
    let written = match (&hunt.hit, &mut small, &folder) {
        (Some(hit), Some(small), Some(folder)) => Some(write(&scene, hit.0, small, Some(folder))?),
        _ => None,
    };
    match args.format {
        Format::Json => {
            console.line(&told::hunt(entry, &scene, &hunt, small.as_ref()).to_string());
        }
        Format::Human => {
            told::hunt_in_words(entry, &scene, (&hunt, small.as_ref()), console);
            if let Some(Written { place, report, .. }) = &written {
                console.line(&format!("file: {place}"));
                report.iter().for_each(|report| console.line(&format!("report: {report}")));
            } else if let Some(hit) = &hunt.hit {
                let token = scene.token(hit.0);
                console.line(&format!("as a file with its story: assize shrink '{token}'"));
            }
        }
    }
    if !hunt.bugs.is_empty() {
        return Ok(Exit::Bug);
    }
    Ok(match (&hunt.hit, hunt.interrupted) {
        (Some(_), _) => Exit::Expected,
        (None, true) => Exit::Interrupted,
        (None, false) => Exit::Inconclusive,
    })
}

fn entry_of(id: &str) -> Result<&'static Entry, Failure> {
    Entry::of_id(id).ok_or_else(|| {
        let text =
            format!("error: the zoo has no entry `{id}`; `assize zoo list` tells what it has");
        Failure::new(Exit::Usage, text)
    })
}

/// The universe of an entry with what the entry sets, and `more` laid over both.
fn scene_of(
    entry: &Entry,
    more: &[(String, String)],
    console: &mut Console<'_>,
) -> Result<Scene, Failure> {
    let folder = library::needed()?;
    let path = folder.join("search").join(entry.universe.file());
    let mut set = entry.flags();
    set.extend_from_slice(more);
    Scene::for_many(&path, &set, console)
}
