//! What a deletion waits for.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::{
    api::RequireExport,
    logic::{export::Entity, text},
};

/// Exports are at most this old by default.
const MAX_AGE: Duration = Duration::from_hours(720);
/// A mailbox may be larger than when it was exported by this many bytes by default.
const MAX_GROWTH: u64 = 1024 * 1024;

/// What each mailbox has to have before its organization is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// An export that began earlier does not count.
    pub not_before: Option<Timestamp>,
    /// An export that began longer ago does not count.
    pub max_age: Duration,
    /// An export whose content was not verified does not count.
    pub verified: bool,
    /// An export of a mailbox that has grown by more bytes since does not count.
    pub max_growth: u64,
    /// The mailboxes that need no export.
    pub waivers: Vec<Waiver>,
}

/// A mailbox that needs no export, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiver {
    /// Its id, name or address.
    pub mailbox: String,
    /// Why, in the words of whoever waived it.
    pub reason: String,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            not_before: None,
            max_age: MAX_AGE,
            verified: true,
            max_growth: MAX_GROWTH,
            waivers: Vec::new(),
        }
    }
}

impl Rule {
    /// Reads what the spec says, as the schema lets it through.
    #[must_use]
    pub fn read(spec: &RequireExport) -> Self {
        let RequireExport {
            not_before,
            max_age,
            verified,
            max_growth,
            waive,
        } = spec;
        let waivers = waive.iter().map(|one| Waiver {
            mailbox: one.mailbox.clone(),
            reason: one.reason.clone(),
        });
        Self {
            not_before: *not_before,
            // What came past the schema asks for the least.
            max_age: text::duration(max_age).unwrap_or_default(),
            verified: *verified,
            max_growth: bytes(max_growth).unwrap_or_default(),
            waivers: waivers.collect(),
        }
    }

    /// The rule where the account requires exports: the defaults, and what the resource asks for beyond
    /// them. A resource waives nothing there.
    #[must_use]
    pub fn of_account(of_resource: Option<&Self>) -> Self {
        let default = Self::default();
        let Some(Self {
            not_before,
            max_age,
            verified: _,
            max_growth,
            waivers: _,
        }) = of_resource
        else {
            return default;
        };
        Self {
            not_before: *not_before,
            max_age: default.max_age.min(*max_age),
            max_growth: default.max_growth.min(*max_growth),
            ..default
        }
    }

    /// Why a mailbox needs no export, if so. `id` and `label` name one that is not in the directory.
    pub(super) fn waived(&self, entity: Option<&Entity>, names: &[&str]) -> Option<&Waiver> {
        let is_it = |waiver: &&Waiver| {
            let word = waiver.mailbox.as_str();
            entity.is_some_and(|entity| entity.is_called(word))
                || names.iter().any(|name| name.eq_ignore_ascii_case(word))
        };
        self.waivers.iter().find(is_it)
    }
}

/// Reads `1Mi`, `500Ki` or `4096`.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        None => (text, ""),
        Some(at) => text.split_at_checked(at)?,
    };
    let shift = match unit {
        "" => 0,
        "Ki" => 10,
        "Mi" => 20,
        "Gi" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_shl(shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_of_1024_or_none() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("1Ki", Some(1024)),
            ("1Mi", Some(1 << 20)),
            ("2Gi", Some(2 << 30)),
            ("1M", None),
            ("Mi", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), wanted, "{text}");
        }
    }
}
