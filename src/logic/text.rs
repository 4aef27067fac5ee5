//! AWS's words, made fit for a condition.

/// How much of AWS's text a message carries, in characters.
const LONGEST: usize = 400;

/// One line, bounded, without what changes from call to call: a message that varied would be
/// written again and again.
pub(super) fn clean(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(steady)
        .collect();
    let line = words.join(" ");
    let line = line.trim_end_matches('.');
    if line.chars().count() > LONGEST {
        let cut: String = line.chars().take(LONGEST).collect();
        return format!("{cut}…");
    }
    line.to_owned()
}

/// The first names, and how many there are besides.
pub(super) fn first(names: &[&str], most: usize) -> String {
    let (first, rest) = names.split_at(names.len().min(most));
    let first = first.join(", ");
    if rest.is_empty() {
        first
    } else {
        format!("{first} and {} more", rest.len())
    }
}

/// A word without what varies: session names (they hold times or pod names), times, request ids.
fn steady(word: &str) -> String {
    if let Some((before, role)) = word.split_once(":assumed-role/") {
        let role = role.split('/').next().unwrap_or_default();
        return format!("{before}:assumed-role/{role}/…");
    }
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if is_time(core) {
        return word.replace(core, "…");
    }
    let mut steady = String::new();
    for piece in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let name = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if !name.is_empty() && varies(name) {
            steady.push_str(&piece.replace(name, "…"));
        } else {
            steady.push_str(piece);
        }
    }
    steady
}

/// `20261124T101010Z`, `2026-11-24T…`, `2026-11-24`, `10:10:10`.
fn is_time(word: &str) -> bool {
    let date = word.split('T').next().unwrap_or_default();
    let digits = date.chars().filter(char::is_ascii_digit).count();
    let is_date = digits == 8
        && date.chars().all(|c| c.is_ascii_digit() || c == '-')
        && (date.len() == 10 || word.len() > date.len());
    let parts: Vec<&str> = word.split(':').collect();
    let is_clock = (2..=3).contains(&parts.len())
        && parts
            .iter()
            .all(|part| part.len() <= 6 && part.starts_with(|c: char| c.is_ascii_digit()))
        && parts.iter().all(|part| {
            part.chars()
                .all(|c| c.is_ascii_digit() || c == '.' || c == 'Z')
        });
    is_date || is_clock
}

/// Whether a name holds a request id (a UUID) or seconds or milliseconds since 1970.
fn varies(name: &str) -> bool {
    let groups: Vec<&str> = name.split('-').collect();
    let is_hex = |group: &&str| group.chars().all(|c| c.is_ascii_hexdigit());
    let uuid = groups.windows(5).any(|five| {
        five.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && five.iter().all(is_hex)
    });
    let epoch = groups
        .iter()
        .any(|group| matches!(group.len(), 10 | 13) && group.chars().all(|c| c.is_ascii_digit()));
    uuid || epoch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_and_times_are_taken_out() {
        assert_eq!(
            clean(
                "Refused (request id: 6f1c9c5e-0b0a-4c26-8a4b-111122223333) at 20261124T101010Z."
            ),
            "Refused (request id: …) at …"
        );
    }

    #[test]
    fn request_ids_and_times_inside_words_are_taken_out_too() {
        assert_eq!(
            clean(
                "requestId=6f1c9c5e-0b0a-4c26-8a4b-111122223333, at 10:10:10.123 2026-11-24 \
                 since 1732443070"
            ),
            "requestId=…, at … … since …"
        );
    }

    #[test]
    fn the_session_of_a_role_is_taken_out_because_it_changes_with_the_credentials() {
        assert_eq!(
            clean(
                "User: arn:aws:sts::123456789012:assumed-role/mail/web-identity-token-1732443070123 \
                 is not authorized to perform: workmail:CreateOrganization on resource: *"
            ),
            "User: arn:aws:sts::123456789012:assumed-role/mail/… is not authorized to perform: \
             workmail:CreateOrganization on resource: *"
        );
    }

    #[test]
    fn organization_ids_accounts_and_aliases_stay() {
        let text = "Organization m-1cab861fe2af419092df2a8aeb21d2b6 of 123456789012, alias a-1-2-3-4, \
                    arn:aws:workmail:us-east-1:123456789012:organization/m-1";
        assert_eq!(clean(text), text);
    }

    #[test]
    fn lines_are_joined_and_long_text_is_cut() {
        assert_eq!(clean("one\n\ttwo"), "one two");
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), LONGEST + 1);
    }
}
