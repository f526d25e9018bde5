//! What happened, in order of events and as a diagram.

use maud::{Markup, PreEscaped, html};

use crate::render::space_time;
use crate::story::{Picture, Story};
use crate::summary::Summary;

/// The story of a run, or why it has none; nothing when nobody asked.
pub(super) fn section(summary: &Summary) -> Markup {
    html! {
        @if let Some(story) = &summary.story {
            section {
                h2 { "What happened" }
                p.note { "Why " (story.about) ". Times are seconds into the load." }
                (lines(story))
                @if !story.picture.lanes.is_empty() {
                    (figure(story))
                }
            }
        } @else if let Some(why) = &summary.untold {
            section {
                h2 { "What happened" }
                p.note { (why) }
            }
        }
    }
}

fn lines(story: &Story) -> Markup {
    html! {
        table.story {
            tbody {
                @for moment in &story.moments {
                    tr.loud[moment.is_loud()] {
                        td.n { (moment.time()) }
                        td { (moment.text) }
                    }
                }
            }
        }
        @if story.left_out > 0 { p.note { (story.left_out) " lesser moments left out." } }
    }
}

fn figure(story: &Story) -> Markup {
    html! {
        figure.wide {
            div.head {
                figcaption { "The same as a space-time diagram" }
            }
            (PreEscaped(space_time::draw(&story.picture, &story.about)))
            p.note { (legend(&story.picture)) }
        }
    }
}

fn legend(picture: &Picture) -> String {
    let mut text = "Time runs from top to bottom, not to scale.".to_owned();
    if let Some(partition) = &picture.leaders_of {
        text += &format!(" Thick on a lane: it takes itself for the leader of {partition}.");
    }
    text += " Hatched: its process does not run. A thin bar beside a lane: a fault is in force. \
             Dashed: a message that came late; dotted, ending in a cross: one that never arrived.";
    if picture.arrows_left_out > 0 {
        text += &format!(" {} messages that matter less are not drawn.", picture.arrows_left_out);
    }
    if picture.lanes_left_out > 0 {
        text += &format!(" {} lanes are not drawn.", picture.lanes_left_out);
    }
    text
}
