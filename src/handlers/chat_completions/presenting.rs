//! How an answer is shown to its caller, by the settings and by what the request says.

use crate::{
    agent::{
        file::{Download, UpstreamFile},
        presentation::Presentation,
    },
    app::AppState,
    continuity::conversation::Placed,
};

/// Makes the presentation of a turn's answer; a second one where the turn is replayed.
pub(super) fn presentation(
    app: &AppState,
    caller: &str,
    project: &str,
    public_url: String,
    placed: &Placed,
) -> impl Fn() -> Presentation + Send + use<> {
    let content = &app.config.content;
    let strip_markers = content.strip_citation_markers;
    let links_in_text = placed.turn.overrides.response_format.is_none();
    let kept = placed.turn.keep;
    let (caller, project) = (caller.to_owned(), project.to_owned());
    let app = app.clone();
    move || {
        let (public_url, app) = (public_url.clone(), app.clone());
        let (caller, project) = (caller.clone(), project.clone());
        let share = move |file: &UpstreamFile, name: &str| {
            let id = app.file_ids.id(&caller, &project, file);
            Download {
                url: format!("{public_url}/v1/files/{id}/content"),
                name: name.to_owned(),
                id,
            }
        };
        Presentation::new(strip_markers, links_in_text, kept, Box::new(share))
    }
}
