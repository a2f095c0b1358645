//! Frames as simplex-chat wrote them, from the recordings in `tests/simplex/`, by the version that wrote them.
//!
//! Apart from the model, which knows what is true: here is how each version says it. Where a version was not
//! recorded saying something, the words of 6.5 are put into its envelope.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

/// The versions that differ in what they answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// 6.3.4 to 6.3.7: answers in `Right` or `Left`, groups in pairs.
    V6_3,
    /// To 6.3.3, and 6.4.0: flat, groups in pairs. Not recorded: the words of 6.3.7 without their envelope.
    Flat,
    /// 6.4.1 to 6.4.11: flat, groups as `groupInfo` and `groupSummary`.
    V6_4,
    /// 6.5: flat, groups as they are.
    V6_5,
    /// 7.0: the same, with more fields.
    V7,
}

impl Shape {
    pub(crate) const ALL: [Shape; 5] = [Shape::V6_3, Shape::Flat, Shape::V6_4, Shape::V6_5, Shape::V7];

    /// How the names of its recordings begin.
    fn start(self) -> &'static str {
        match self {
            Shape::V6_3 | Shape::Flat => "v6.3.7_",
            Shape::V6_4 => "v6.4.11_",
            Shape::V6_5 => "",
            Shape::V7 => "v7.0.0.6_",
        }
    }

    /// What was recorded under the first of `names` that there is, of this version or else of 6.5, without its envelope.
    #[track_caller]
    pub(crate) fn recorded(self, names: &[&str]) -> Value {
        let own = names.iter().find_map(|name| RECORDED.get(&format!("{}{name}", self.start())));
        let any = own.or_else(|| names.iter().find_map(|name| RECORDED.get(*name)));
        let frame = any.unwrap_or_else(|| panic!("none of {names:?} was recorded"));
        body(frame.get("response").unwrap_or(frame))
    }

    /// The envelope of this version; events have no `corr_id`.
    pub(crate) fn frame(self, corr_id: Option<&str>, body: Value) -> Value {
        let mut frame = json!({});
        if let Some(corr_id) = corr_id {
            frame["corrId"] = json!(corr_id);
        }
        frame["resp"] = match self {
            Shape::V6_3 if body["type"] == "chatCmdError" => json!({"Left": body}),
            Shape::V6_3 => json!({"Right": body}),
            _ => body,
        };
        frame
    }

    /// One entry of a list of groups.
    pub(super) fn listed(self, group_info: Value) -> Value {
        let summary = json!({"currentMembers": 2});
        match self {
            Shape::V6_3 | Shape::Flat => json!([group_info, summary]),
            Shape::V6_4 => json!({"groupInfo": group_info, "groupSummary": summary}),
            Shape::V6_5 | Shape::V7 => group_info,
        }
    }

    /// A group as this version describes one.
    pub(super) fn group_info(self) -> Value {
        let list = self.recorded(&["cmd_groups"]);
        let entry = &list["groups"][0];
        entry.get("groupInfo").or_else(|| entry.get(0)).unwrap_or(entry).clone()
    }

    pub(super) fn user(self) -> Value {
        self.recorded(&["cmd_user_activeUser"])["user"].clone()
    }

    pub(super) fn contact(self) -> Value {
        self.recorded(&["cmd_contacts"])["contacts"][1].clone()
    }

    /// What was sent to a group, as this version describes it.
    pub(super) fn item(self) -> Value {
        self.recorded(&["cmd_send_group"])["chatItems"][0]["chatItem"].clone()
    }
}

/// A frame without its envelope, in whatever version.
pub(crate) fn body(frame: &Value) -> Value {
    let resp = &frame["resp"];
    resp.get("Right").or_else(|| resp.get("Left")).unwrap_or(resp).clone()
}

/// All recordings by the names of their files.
static RECORDED: LazyLock<HashMap<String, Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simplex");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        (name, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    files.filter(|path| path.extension().is_some_and(|end| end == "json")).map(read).collect()
});
