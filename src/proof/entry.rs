//! One entry of an exported zip, as the zip's directory describes it.

use std::fmt;

use k8s_openapi::jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use rawzip::{
    CompressionMethod, ZipFileHeaderRecord, extra_fields::ExtraFieldId, time::ZipDateTimeKind,
};

/// An entry of a zip: what its directory says about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The name in Unicode, with `/` between folders.
    pub name: String,
    /// Where its local header begins, in bytes from the start of the zip.
    pub offset: u64,
    /// The bytes of its data in the zip.
    pub compressed: u64,
    /// The bytes of its content.
    pub uncompressed: u64,
    /// The CRC-32 of its content.
    pub crc: u32,
    /// How its content is stored.
    pub method: Method,
    /// When it was last changed. A time without a zone is read as UTC.
    pub modified: Option<Timestamp>,
}

/// How the content of an entry is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// As it is.
    Stored,
    /// By deflate.
    Deflated,
    /// Encrypted by the zip itself, which WorkMail does not do.
    Encrypted,
    /// By another method, with its number.
    Other(u16),
}

impl Entry {
    pub(super) fn of(record: &ZipFileHeaderRecord<'_>) -> Self {
        let method = if record.flags().is_encrypted() {
            Method::Encrypted
        } else {
            match record.compression_method() {
                CompressionMethod::STORE => Method::Stored,
                CompressionMethod::DEFLATE => Method::Deflated,
                other => Method::Other(other.as_u16()),
            }
        };
        Self {
            name: name(record),
            offset: record.local_header_offset(),
            compressed: record.compressed_size_hint(),
            uncompressed: record.uncompressed_size_hint(),
            crc: record.crc32(),
            method,
            modified: modified(&record.last_modified()),
        }
    }

    /// Whether it is a folder, which has no content.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    /// Returns the folder that it is in, without a slash at the end. It is empty at the top.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.name
            .trim_end_matches('/')
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder)
    }

    /// Returns the last part of its name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let name = self.name.trim_end_matches('/');
        name.rsplit_once('/').map_or(name, |(_, name)| name)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.escape_debug().fmt(f)
    }
}

/// Returns the name in Unicode: the field of Info-ZIP for it, else the bytes as UTF-8, else as code page 437,
/// which is what a zip has where nothing says otherwise (APPNOTE.TXT, appendix D).
fn name(record: &ZipFileHeaderRecord<'_>) -> String {
    let path = record.file_path();
    let raw = path.as_bytes();
    let unicode = record
        .extra_fields()
        .find(|(id, _)| *id == ExtraFieldId::INFO_ZIP_UNICODE_PATH)
        .and_then(|(_, field)| unicode_path(field, raw));
    unicode
        .or_else(|| str::from_utf8(raw).ok().map(str::to_owned))
        .unwrap_or_else(|| raw.iter().copied().map(code_page_437).collect())
}

/// Version 1, the CRC-32 of the other name, and the name in UTF-8. It is void where the CRC differs.
fn unicode_path(field: &[u8], raw: &[u8]) -> Option<String> {
    let (version, rest) = field.split_first()?;
    let (crc, name) = rest.split_first_chunk::<4>()?;
    let is_valid = *version == 1 && u32::from_le_bytes(*crc) == rawzip::crc32(raw);
    is_valid.then(|| str::from_utf8(name).ok().map(str::to_owned))?
}

fn code_page_437(byte: u8) -> char {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
        αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    match byte.checked_sub(128) {
        None => char::from(byte),
        Some(index) => UPPER.chars().nth(usize::from(index)).unwrap_or('\u{fffd}'),
    }
}

fn modified(time: &ZipDateTimeKind) -> Option<Timestamp> {
    let year = i16::try_from(time.year()).ok()?;
    let part = |part: u8| i8::try_from(part).ok();
    let (month, day) = (part(time.month())?, part(time.day())?);
    let (hour, minute, second) = (
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
    );
    let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_known_encoding_is_read_as_code_page_437() {
        let read = |bytes: &[u8]| bytes.iter().copied().map(code_page_437).collect::<String>();
        assert_eq!(read(b"Entw\x81rfe"), "Entwürfe");
        assert_eq!(read(&[0x80, 0xe1, 0xff]), "Çß\u{a0}");
    }

    #[test]
    fn the_unicode_name_counts_only_for_the_name_it_was_written_for() {
        let mut field = vec![1];
        field.extend(rawzip::crc32(b"Entwurfe").to_le_bytes());
        field.extend("Entwürfe".as_bytes());
        assert_eq!(
            unicode_path(&field, b"Entwurfe").as_deref(),
            Some("Entwürfe")
        );
        assert_eq!(unicode_path(&field, b"renamed"), None);
        assert_eq!(unicode_path(&[1, 2], b"Entwurfe"), None);
    }
}
