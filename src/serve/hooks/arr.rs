//! Sonarr, Radarr and their kin (Lidarr, Readarr, Prowlarr).
//!
//! ```json
//! {"eventType": "Grab", "instanceName": "Sonarr", "series": {"title": "…"}, "release": {"releaseTitle": "…"},
//!  "episodes": [{"seasonNumber": 1, "episodeNumber": 2, "title": "…"}]}
//! {"eventType": "Health", "level": "error", "message": "…", "type": "…", "wikiUrl": "…"}
//! ```

use super::json::Json;
use super::text::Text;
use super::{Message, Payload, SHOWN_MAX};

/// Which program has which field, by which it is named where it does not say its name.
const PROGRAMS: [(&str, &str); 4] =
    [("series", "Sonarr"), ("movie", "Radarr"), ("artist", "Lidarr"), ("author", "Readarr")];

/// Events in words; others go by their own name.
const EVENTS: [(&str, &str); 10] = [
    ("Test", "test"),
    ("Grab", "grabbed"),
    ("Download", "imported"),
    ("Rename", "renamed"),
    ("SeriesAdd", "added"),
    ("MovieAdded", "added"),
    ("SeriesDelete", "deleted"),
    ("MovieDelete", "deleted"),
    ("HealthRestored", "health restored"),
    ("ManualInteractionRequired", "needs somebody to act"),
];

pub(super) fn read(payload: &Payload<'_>) -> Option<Message> {
    let event = payload.text("eventType")?;
    let program = PROGRAMS.iter().find(|(field, _)| payload.has(field));
    let others = ["instanceName", "applicationUrl", "level", "release", "newVersion"];
    if program.is_none() && !others.iter().any(|name| payload.has(name)) {
        return None;
    }
    let name = payload.text("instanceName").or(program.map(|(_, name)| (*name).into()));
    let level = payload.text("level").unwrap_or_default();
    let is_upgrade = payload.get("isUpgrade").is_some_and(|is| is.raw() == "true");
    let mut text = Text::default();
    text.add(&[name.as_deref().unwrap_or("*arr"), ": "]);
    match EVENTS.iter().find(|(name, _)| *name == event) {
        _ if event == "Health" => text.add(&["health ", &level]),
        _ if event == "Download" && is_upgrade => text.push("upgraded"),
        Some((_, words)) => text.push(words),
        None => text.push(&event),
    }
    if let Some(title) =
        ["series", "movie", "artist", "author"].iter().find_map(|what| titled(payload.get(what)?))
    {
        text.add(&[" ", &title]);
    }
    let episodes = payload.get("episodes").into_iter().flat_map(|all| all.items());
    for episode in episodes.take(SHOWN_MAX) {
        text.line(&numbered(episode));
    }
    text.line_if(payload.text_at("release", &["releaseTitle"]));
    text.line_if(payload.text("message"));
    if let (Some(old), Some(new)) = (payload.text("previousVersion"), payload.text("newVersion")) {
        text.line(&format!("{old} -> {new}"));
    }
    text.line_if(payload.text("wikiUrl"));
    let level = Some(&*level).filter(|_| event == "Health");
    Some(Message { text: text.finish(), priority: super::priority_of(level) })
}

/// A title, and a year if there is one.
fn titled(what: Json<'_>) -> Option<String> {
    let title = what.text("title").or_else(|| what.text("name"))?;
    let year = what.get("year").and_then(Json::shown).filter(|year| year != "0");
    Some(year.map_or(title.to_string(), |year| format!("{title} ({year})")))
}

/// `S01E02 Title`
fn numbered(episode: Json<'_>) -> String {
    let number = |name| episode.get(name).and_then(|number| number.raw().parse::<u16>().ok());
    let title = episode.text("title").unwrap_or_default();
    match (number("seasonNumber"), number("episodeNumber")) {
        (Some(season), Some(number)) => format!("S{season:02}E{number:02} {title}"),
        _ => title.into_owned(),
    }
}
