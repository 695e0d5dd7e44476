//! Serial numbers that others have seen: in certificates, in lists, in lines of logs.

use chancery_x509::serial::Serial;

/// What a line of text shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A serial number.
    Serial(Serial),
    /// Something that stands where a serial number should, and is none.
    Malformed(String),
    /// Nothing of the kind.
    Nothing,
}

/// Letters of a line that are looked through.
const LENGTH: usize = 64 << 10;

/// What a serial number is called in logs, before it: `serial`, `serialNumber`, `serial_number=`, `"serial":`.
const WORD: &str = "serial";

/// Reads a line that is a serial number alone, in hexadecimal with or without colons or `0x`, or in which one follows the word
/// `serial`.
pub fn line(text: &str) -> Line {
    let whole = text.trim();
    if whole.is_empty() || whole.starts_with('#') {
        return Line::Nothing;
    }
    if let Some(serial) = hexadecimal(whole) {
        return Line::Serial(serial);
    }
    let mut end = whole.len().min(LENGTH);
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    let lower = whole[..end].to_ascii_lowercase();
    let Some((_, after)) = lower.split_once(WORD) else {
        let is_list = !whole.contains(char::is_whitespace);
        return if is_list {
            Line::Malformed(whole.chars().take(80).collect())
        } else {
            Line::Nothing
        };
    };
    let after = after.trim_start_matches(['_', '-', ' ']);
    let after = after
        .strip_prefix("number")
        .or(after.strip_prefix("no"))
        .unwrap_or(after);
    let value = after.trim_start_matches([' ', '\t', '=', ':', '"', '\'', '\\', '[']);
    let is_digit = |letter: &char| letter.is_ascii_hexdigit() || matches!(letter, ':' | 'x');
    let value: String = value.chars().take_while(is_digit).collect();
    match hexadecimal(value.trim_end_matches(':')) {
        Some(serial) => Line::Serial(serial),
        None => Line::Nothing,
    }
}

/// A serial number as certificate viewers and servers write it.
fn hexadecimal(text: &str) -> Option<Serial> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    let digits = digits.replace(':', "");
    if digits.is_empty() || digits.len() > 64 {
        return None;
    }
    format!("0x{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_found_as_tools_write_them() {
        let serial: Serial = "0x0a1b2c3d4e5f60718293".parse().unwrap();
        for text in [
            "0A1B2C3D4E5F60718293",
            "  a1b2c3d4e5f60718293\r",
            "0A:1B:2C:3D:4E:5F:60:71:82:93",
            "0x0a1b2c3d4e5f60718293",
            "serial=0A1B2C3D4E5F60718293",
            "10.0.0.1 - \"GET /\" ssl_client_serial=0A1B2C3D4E5F60718293 200",
            "{\"time\": 1, \"serialNumber\": \"0a1b2c3d4e5f60718293\", \"ok\": true}",
            "client serial number: 0a:1b:2c:3d:4e:5f:60:71:82:93, verified",
        ] {
            assert_eq!(line(text), Line::Serial(serial), "{text}");
        }
        for text in ["", "# 0A1B", "GET / 200", "a serial killer", "serial=", "serial=00"] {
            assert_eq!(line(text), Line::Nothing, "{text}");
        }
        for text in ["0", "0A1G", "-5", "é"] {
            assert_eq!(line(text), Line::Malformed(text.to_owned()), "{text}");
        }
    }
}
