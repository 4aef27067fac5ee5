//! `NextToken`: where the next page of a list begins.

use std::hash::{BuildHasher, RandomState};

/// The tokens of one process. A token is the number of the last item of a page, signed with a
/// secret of the process, so that a client cannot make one up or use it for another list.
#[derive(Debug, Default)]
pub(crate) struct PageTokens(RandomState);

impl PageTokens {
    /// Returns the token of the page after the item with this number.
    pub(crate) fn issue(&self, list: &str, number: u64) -> String {
        format!("{:016x}{number:016x}", self.0.hash_one((list, number)))
    }

    /// Returns the number of the last item before the page, or `None` if the token is not one of
    /// this list.
    pub(crate) fn read(&self, list: &str, token: &str) -> Option<u64> {
        let number = u64::from_str_radix(token.get(16..)?, 16).ok()?;
        (self.issue(list, number) == token).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_only_for_its_list_and_in_its_process() {
        let tokens = PageTokens::default();
        let token = tokens.issue("domains of m-1", 7);
        assert_eq!(tokens.read("domains of m-1", &token), Some(7));
        assert_eq!(tokens.read("domains of m-2", &token), None);
        assert_eq!(PageTokens::default().read("domains of m-1", &token), None);
        let next = token.replace("07", "08");
        for text in ["", "x", "äöüäöüäöüäöü", &token.to_uppercase(), &next] {
            assert_eq!(tokens.read("domains of m-1", text), None, "{text}");
        }
    }
}
