//! Identifiers in the forms of AWS.

use std::fmt;

/// The account of every access key that no credential names.
pub(crate) const DEFAULT_ACCOUNT: &str = "123456789012";

/// The region of every seed that names none.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// The regions that have WorkMail. Source: AWS's endpoints and quotas page.
pub(crate) const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// An account and a region. Organizations of one location do not see those of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Location {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// The id of an organization: `m-` and 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OrganizationId(u128);

impl OrganizationId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// Parses an id. Only the form that the service writes is accepted.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("m-")?;
        let well_formed = digits.len() == 32 && digits.bytes().all(is_lower_hexadecimal);
        let id = well_formed.then(|| u128::from_str_radix(digits, 16).ok())?;
        id.map(Self)
    }

    /// Parses the ARN of an organization of this location.
    pub(crate) fn from_arn(arn: &str, location: &Location) -> Option<Self> {
        Self::parse(arn.strip_prefix(&arn_prefix(location))?)
    }

    /// Returns the ARN of the organization.
    pub(crate) fn arn(self, location: &Location) -> String {
        format!("{}{self}", arn_prefix(location))
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m-{:032x}", self.0)
    }
}

/// Returns the ARN of an organization without its id.
pub(crate) fn arn_prefix(location: &Location) -> String {
    let Location { account, region } = location;
    format!("arn:aws:workmail:{region}:{account}:organization/")
}

/// Returns a random directory id: `d-` and ten hexadecimal digits.
pub(crate) fn directory_id() -> String {
    format!("d-{:010x}", rand::random::<u64>() >> 24)
}

pub(crate) fn is_directory_id(text: &str) -> bool {
    text.strip_prefix("d-")
        .is_some_and(|digits| digits.len() == 10 && digits.bytes().all(is_lower_hexadecimal))
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_lower_hexadecimal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Returns a random UUID of version 4.
pub(crate) fn uuid() -> String {
    let random: u128 = rand::random();
    let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        bits >> 80 & 0xffff,
        bits >> 64 & 0xffff,
        bits >> 48 & 0xffff,
        bits & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_id_is_parsed_only_in_the_form_that_is_written() {
        let id = OrganizationId::random();
        assert_eq!(OrganizationId::parse(&id.to_string()), Some(id));
        assert_eq!(OrganizationId(1).to_string().len(), 34);
        let upper = format!("m-{}", "A".repeat(32));
        let signed = format!("m-+{}", "1".repeat(31));
        for text in ["", "m-", "m-12", &upper, &signed, "d-1234567890"] {
            assert_eq!(OrganizationId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn random_ids_have_the_forms_of_aws() {
        for _ in 0..100 {
            assert!(is_directory_id(&directory_id()));
            let uuid = uuid();
            assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'));
            assert!("89ab".contains(uuid.chars().nth(19).unwrap()), "{uuid}");
        }
        assert!(!is_directory_id("d-12345"));
    }
}
