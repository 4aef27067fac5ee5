//! AWS's words, made fit for a condition.

/// How much of an answer a message carries, in characters: the sentence of an admission policy comes last.
const LONGEST: usize = 400;
/// How much of AWS's text a message carries, in characters.
const LONGEST_OF_AWS: usize = 220;

/// How much of AWS's text is kept until its names are known, in characters.
const LONGEST_KEPT: usize = 4 * LONGEST;

/// Returns one line, bounded. What changes from call to call is still in it: [`steady`] takes that out.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(LONGEST_KEPT).collect()
}

/// Returns AWS's text as [`steady`] does, and shorter: the next step is in words of our own.
pub(super) fn of_aws(text: &str, named: &[String]) -> String {
    cut(steady(text, named), LONGEST_OF_AWS)
}

/// Returns one line, bounded, without what changes from call to call: a message that varied would be
/// written again and again. What is `named`, by the spec or the status, never changes so, whatever it
/// looks like.
pub(super) fn steady(text: &str, named: &[String]) -> String {
    let line = one_line(text);
    let words: Vec<_> = line.split(' ').map(|word| masked(word, named)).collect();
    let line = words.join(" ");
    cut(line.trim_end_matches('.').to_owned(), LONGEST)
}

fn cut(line: String, longest: usize) -> String {
    if line.chars().count() <= longest {
        return line;
    }
    let mut start: String = line.chars().take(longest).collect();
    start.push('…');
    start
}

/// Returns the IAM action that AWS's text names, and whether a policy denies it explicitly:
/// `… is not authorized to perform: ds:CreateAlias on resource: … with an explicit deny in …`.
pub(super) fn forbidden_action(text: &str) -> (Option<&str>, bool) {
    let after = text.split_once("perform: ").map(|(_, after)| after);
    let action = after.and_then(|after| after.split_whitespace().next());
    let action = action.map(|action| action.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
    let is_deny = text.contains("explicit deny");
    (action.filter(|action| action.contains(':')), is_deny)
}

/// Reads `24h`, `90m` or `3600s`.
pub(super) fn duration(text: &str) -> Option<std::time::Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return None,
    };
    let number = number.parse::<u64>().ok()?;
    Some(std::time::Duration::from_secs(
        number.saturating_mul(seconds),
    ))
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
fn masked(word: &str, named: &[String]) -> String {
    if let Some((before, role)) = word.split_once(":assumed-role/") {
        let role = role.split('/').next().unwrap_or_default();
        return format!("{before}:assumed-role/{role}/…");
    }
    // Of what has an ARN, sessions alone come and go.
    if word.contains("arn:") && !word.contains(":sts:") {
        return word.to_owned();
    }
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if is_time(core) {
        return if is_named(core, named) {
            word.to_owned()
        } else {
            word.replace(core, "…")
        };
    }
    let mut masked = String::new();
    for piece in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let name = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if varies(name) && !is_directory(name) && !is_named(name, named) {
            masked.push_str(&piece.replace(name, "…"));
        } else {
            masked.push_str(piece);
        }
    }
    masked
}

/// Whether one of the names has this, as the whole of it or between two signs that are no letters or digits.
fn is_named(piece: &str, named: &[String]) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    named.iter().any(|name| {
        name.match_indices(piece).any(|(at, _)| {
            let (before, rest) = name.split_at(at);
            let after = rest.strip_prefix(piece).unwrap_or_default();
            ends(before.chars().next_back()) && ends(after.chars().next())
        })
    })
}

/// Whether it is the id of a directory: `d-` and ten hexadecimal digits.
fn is_directory(name: &str) -> bool {
    name.strip_prefix("d-")
        .is_some_and(|id| id.len() == 10 && id.chars().all(|c| c.is_ascii_hexdigit()))
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
    use rstest::rstest;

    use super::*;

    fn clean(text: &str) -> String {
        steady(text, &[])
    }

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

    #[rstest]
    #[case::a_key(
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "Key '1234abcd-12ab-34cd-56ef-1234567890ab' is disabled"
    )]
    #[case::its_arn(
        "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "Key 1234abcd-12ab-34cd-56ef-1234567890ab is disabled"
    )]
    #[case::a_directory("d-1234567890", "Directory d-1234567890, is gone")]
    #[case::a_tag_s_value("until 2026-11-24", "Tag value 'until 2026-11-24' is invalid")]
    #[case::a_clock_in_a_tag("10:10", "Tag value 10:10 is invalid")]
    #[case::an_alias("acme-1732443070", "acme-1732443070.awsapps.com is taken")]
    #[case::a_namespace(
        "team-20261124101",
        "no namespace \"team-2026112410\"; team-20261124101"
    )]
    fn what_spec_or_status_name_is_never_taken_out(#[case] name: &str, #[case] text: &str) {
        let kept = steady(text, &[name.to_owned()]);
        let whole = text.replace("team-2026112410\"", "…\"");
        assert_eq!(kept, whole);
    }

    #[rstest]
    #[case::a_part_of_a_name("acme-17324430701", "since 1732443070", "since …")]
    #[case::another_key(
        "11111111-12ab-34cd-56ef-1234567890ab",
        "6f1c9c5e-0b0a-4c26-8a4b-111122223333",
        "…"
    )]
    fn what_only_resembles_a_name_is_taken_out(
        #[case] name: &str,
        #[case] text: &str,
        #[case] masked: &str,
    ) {
        assert_eq!(steady(text, &[name.to_owned()]), masked);
    }

    #[test]
    fn directories_and_arns_stay_whoever_names_them_and_sessions_go() {
        let text = "d-9876543210 of arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(clean(text), text);
        assert_eq!(
            clean("arn:aws:sts::123456789012:federated-user/mail-1732443070"),
            "arn:aws:sts::123456789012:federated-user/…"
        );
    }

    #[test]
    fn lines_are_joined_and_long_text_is_cut() {
        assert_eq!(steady("one\n\ttwo", &[]), "one two");
        assert_eq!(steady(&"x".repeat(1000), &[]).chars().count(), LONGEST + 1);
        assert_eq!(
            of_aws(&"x".repeat(1000), &[]).chars().count(),
            LONGEST_OF_AWS + 1
        );
    }

    #[test]
    fn the_forbidden_action_and_an_explicit_deny_are_read_from_the_text_of_aws() {
        let said = "User: arn:aws:sts::1:assumed-role/mail/… is not authorized to perform: \
                    ds:CreateAlias on resource: * with an explicit deny in a service control policy";
        assert_eq!(forbidden_action(said), (Some("ds:CreateAlias"), true));
        let said = "is not authorized to perform: workmail:ListOrganizations";
        assert_eq!(
            forbidden_action(said),
            (Some("workmail:ListOrganizations"), false)
        );
        assert_eq!(forbidden_action("You may not"), (None, false));
        assert_eq!(forbidden_action("perform: that"), (None, false));
    }
}
