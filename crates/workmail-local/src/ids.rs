//! Identifiers in the service's forms, and the places that they count in.

use std::fmt;

/// The account of every access key that nobody mapped to another.
pub(crate) const ACCOUNT: &str = "123456789012";

/// An account in a region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// An organization's id: `m-` and 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OrganizationId(u128);

impl OrganizationId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// Reads the only form that the service writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("m-")?;
        let well_formed = digits.len() == 32
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if well_formed {
            u128::from_str_radix(digits, 16).ok().map(Self)
        } else {
            None
        }
    }

    /// Reads the ARN of an organization of this place.
    pub(crate) fn from_arn(arn: &str, place: &Place) -> Option<Self> {
        let Place { account, region } = place;
        let prefix = format!("arn:aws:workmail:{region}:{account}:organization/");
        Self::parse(arn.strip_prefix(&prefix)?)
    }

    /// The organization's ARN.
    pub(crate) fn arn(self, account: &str, region: &str) -> String {
        format!("arn:aws:workmail:{region}:{account}:organization/{self}")
    }

    /// The id of its built-in user, always the same.
    pub(crate) fn system_user(self) -> String {
        uuid_of(!self.0)
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m-{:032x}", self.0)
    }
}

/// A directory's id: `d-` and ten hexadecimal digits.
pub(crate) fn directory_id() -> String {
    format!("d-{:010x}", rand::random::<u64>() >> 24)
}

pub(crate) fn is_directory_id(text: &str) -> bool {
    text.strip_prefix("d-").is_some_and(|digits| {
        digits.len() == 10
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A random UUID of version 4.
pub(crate) fn uuid() -> String {
    uuid_of(rand::random())
}

fn uuid_of(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
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
    fn an_organization_id_reads_back_as_written() {
        let id = OrganizationId::random();
        assert_eq!(OrganizationId::parse(&id.to_string()), Some(id));
        assert_eq!(OrganizationId(1).to_string().len(), 34);
    }

    #[test]
    fn other_forms_are_no_organization_ids() {
        let upper = format!("m-{}", "A".repeat(32));
        let signed = format!("m-+{}", "1".repeat(31));
        for text in [
            "",
            "m-",
            "m-12",
            upper.as_str(),
            signed.as_str(),
            "d-1234567890",
        ] {
            assert_eq!(OrganizationId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn uuids_say_version_4() {
        for _ in 0..100 {
            let uuid = uuid();
            assert_eq!(uuid.len(), 36);
            assert_eq!(uuid.as_bytes()[14], b'4');
            assert!("89ab".contains(uuid.chars().nth(19).unwrap()), "{uuid}");
        }
    }

    #[test]
    fn directory_ids_have_the_form_of_the_model() {
        assert!((0..100).all(|_| is_directory_id(&directory_id())));
        assert!(!is_directory_id("d-12345"));
    }
}
