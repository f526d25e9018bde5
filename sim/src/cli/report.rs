//! The report's files.

use reports::render::{Report, files};

use super::exit::Failure;
use super::folder::Folder;
use super::scene::Scene;
use super::{honesty, pipeline, settings};
use crate::run::Run;

/// Writes the report of a run into a folder.
pub(super) fn write(scene: &Scene, run: &Run, folder: &Folder) -> Result<(), Failure> {
    let pipeline = pipeline::of(&scene.scenario, run);
    let settings = settings::of(scene, run);
    let model = honesty::notes();
    let report = Report {
        summary: &run.summary,
        recorder: run.recorder(),
        timeline: &run.timeline,
        pipeline: &pipeline,
        settings: &settings,
        model: &model,
    };
    for (name, text) in files(&report) {
        folder.write(name, &text)?;
    }
    Ok(())
}
