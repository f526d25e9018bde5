//! The configuration with where each value came from, and the limits of the model.

use maud::{Markup, html};

use crate::render::{Report, Setting};

fn scopes(settings: &[Setting]) -> Vec<&[Setting]> {
    settings.chunk_by(|one, next| one.scope == next.scope).collect()
}

fn notes(title: &str, notes: &[String]) -> Markup {
    html! {
        @if !notes.is_empty() {
            div {
                h3 { (title) }
                ul { @for note in notes { li { (note) } } }
            }
        }
    }
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let model = report.model;
    html! {
        @if !report.settings.is_empty() {
            section {
                h2 { "Configuration" }
                div.columns {
                    @for scope in scopes(report.settings) {
                        table.settings {
                            caption { (scope[0].scope) }
                            tbody {
                                @for setting in scope {
                                    tr {
                                        td { code { (setting.key) } }
                                        td.n { (setting.value) }
                                        td.source { (setting.source) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if *model != crate::render::ModelNotes::default() {
            section {
                h2 { "What the model is" }
                div.notes {
                    (notes("Modelled", &model.modelled))
                    (notes("Approximated", &model.approximated))
                    (notes("Left out", &model.left_out))
                }
            }
        }
    }
}
