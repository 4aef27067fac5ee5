//! Names of files for what a zip has.
//!
//! What it must not do: return a path that leaves the target folder, one that was returned before, or one whose
//! folder is a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// The most bytes of a part of a path. File systems have 255, and room is left for a suffix.
const LONGEST_PART: usize = 200;

/// Gives out paths below a target folder, with `/` between their parts.
#[derive(Debug, Default)]
pub struct Paths {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
    known: BTreeMap<String, String>,
    /// Names that no part of a path may have.
    reserved: &'static [&'static str],
}

impl Paths {
    /// Paths without these names in any part.
    #[must_use]
    pub fn without(reserved: &'static [&'static str]) -> Self {
        Self {
            reserved,
            ..Self::default()
        }
    }

    /// Returns a new path for a file with this name in a zip, and this suffix.
    pub fn file(&mut self, name: &str, suffix: &str) -> String {
        let path = self.safe(name);
        let has_suffix =
            path.len() > suffix.len() && path.to_lowercase().ends_with(&suffix.to_lowercase());
        let stem = if has_suffix {
            path.get(..path.len() - suffix.len()).unwrap_or(&path)
        } else {
            &path
        };
        let stem = self.below_no_file(stem);
        let numbered = |number: u64| match number {
            1 => format!("{stem}{suffix}"),
            _ => format!("{stem}~{number}{suffix}"),
        };
        let is_taken = |path: &str| {
            [&self.files, &self.folders]
                .iter()
                .any(|taken| taken.contains(&lower(path)))
        };
        let mut number = 1;
        while is_taken(&numbered(number)) {
            number += 1;
        }
        let path = numbered(number);
        self.folders.extend(parents(&path).map(lower));
        self.files.insert(lower(&path));
        path
    }

    /// Returns the path of the file that a folder of a zip has: the same one each time.
    pub fn of_folder(&mut self, folder: &str, suffix: &str) -> String {
        if let Some(path) = self.known.get(folder) {
            return path.clone();
        }
        let path = self.file(if folder.is_empty() { "Mailbox" } else { folder }, suffix);
        self.known.insert(folder.to_owned(), path.clone());
        path
    }

    /// Returns the path with a mark on each folder of it that is a file already.
    fn below_no_file(&self, path: &str) -> String {
        let mut parts: Vec<_> = path.split('/').collect();
        let last = parts.pop().unwrap_or_default();
        let mut free = String::new();
        for part in parts {
            free.push_str(part);
            while self.files.contains(&lower(&free)) {
                free.push('~');
            }
            free.push('/');
        }
        free + last
    }

    /// Returns the name with parts that every file system takes.
    fn safe(&self, name: &str) -> String {
        let parts: Vec<_> = name
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| self.part(part))
            .collect();
        if parts.is_empty() {
            "_".to_owned()
        } else {
            parts.join("/")
        }
    }

    fn part(&self, part: &str) -> String {
        let safe = |letter: char| {
            if letter.is_control() || "\\:*?\"<>|".contains(letter) {
                '_'
            } else {
                letter
            }
        };
        let mut safe: String = part.chars().map(safe).collect();
        // "." and ".." too; other systems take no name that ends with a dot or a space.
        if safe.ends_with(['.', ' ']) {
            safe.push('_');
        }
        if self.reserved.contains(&safe.as_str()) {
            safe.push('_');
        }
        if safe.len() <= LONGEST_PART {
            return safe;
        }
        let mut hasher = DefaultHasher::new();
        safe.hash(&mut hasher);
        let end = safe.floor_char_boundary(LONGEST_PART - 17);
        format!(
            "{}~{:016x}",
            safe.get(..end).unwrap_or_default(),
            hasher.finish()
        )
    }
}

/// Names that differ in case alone are one on some systems.
fn lower(path: &str) -> String {
    path.to_lowercase()
}

/// Returns the folders that a path is in.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Inbox/0001.eml", "Inbox/0001.eml")]
    #[case("Entwürfe/木 и/1.eml", "Entwürfe/木 и/1.eml")]
    #[case("../../etc/passwd.eml", ".._/.._/etc/passwd.eml")]
    #[case("/etc//x.eml", "etc/x.eml")]
    #[case("C:\\Windows\\x.eml", "C__Windows_x.eml")]
    #[case("a/./b.eml", "a/._/b.eml")]
    #[case("cur/new.eml", "cur_/new.eml")]
    #[case("a\n\u{1b}[2J\0.eml", "a__[2J_.eml")]
    #[case("", "_.eml")]
    fn a_name_becomes_a_path_below_the_target(#[case] name: &str, #[case] expected: &str) {
        let path = Paths::without(&["cur"]).file(name, ".eml");
        assert_eq!(path, expected);
        assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".." && part != "."));
    }

    #[test]
    fn no_path_is_given_out_twice_whatever_its_case() {
        let mut paths = Paths::default();
        let names = ["a:b", "a?b", "A_B", "a_b/c", "a_b.mbox/c"];
        let given = names.map(|name| paths.file(name, ".mbox"));
        assert_eq!(given[..3], ["a_b.mbox", "a_b~2.mbox", "A_B~3.mbox"]);
        assert_eq!(given[3], "a_b/c.mbox");
        assert!(!given[4].starts_with("a_b.mbox/"), "{} is a file", given[0]);
    }

    #[test]
    fn a_folder_has_one_path_and_two_folders_have_two() {
        let mut paths = Paths::default();
        let first = paths.of_folder("In:box", ".mbox");
        assert_eq!(paths.of_folder("In:box", ".mbox"), first);
        assert_ne!(paths.of_folder("In?box", ".mbox"), first);
        assert_eq!(paths.of_folder("", ".mbox"), "Mailbox.mbox");
    }

    #[test]
    fn long_names_are_cut_between_letters_and_stay_different() {
        let mut paths = Paths::default();
        let long = "木".repeat(300);
        let [first, second] =
            [format!("{long}a"), format!("{long}b")].map(|name| paths.file(&name, ".eml"));
        assert!(first.len() < 255 && second.len() < 255 && first != second);
    }
}
