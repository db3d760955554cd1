//! Paths as section 10 has them, where nothing is opted out of.

/// Section 10, paths: the segments, decoded once; nothing if it could be read in two ways.
pub(super) fn segments(path: &[u8]) -> Option<Vec<String>> {
    if path.contains(&b'#') {
        return None;
    }
    let path = path.split(|byte| *byte == b'?').next()?;
    let visible = path.iter().all(|byte| (0x21..=0x7e).contains(byte));
    if path.first() != Some(&b'/') || !visible || path.iter().any(|byte| b"\\;".contains(byte)) {
        return None;
    }
    let pieces: Vec<&[u8]> = path[1..].split(|byte| *byte == b'/').collect();
    let mut segments = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if piece.is_empty() {
            if index + 1 == pieces.len() {
                continue;
            }
            return None;
        }
        let decoded = decoded_once(piece)?;
        let forbidden = |byte: &u8| *byte < 0x20 || *byte == 0x7f || b"/\\;".contains(byte);
        if decoded.iter().any(forbidden) || has_escape(&decoded) {
            return None;
        }
        let text = String::from_utf8(decoded).ok()?;
        if text == "." || text == ".." {
            return None;
        }
        segments.push(text);
    }
    Some(segments)
}

pub(super) fn decoded_once(piece: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = piece;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = after.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit))?;
            decoded.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = &after[2..];
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    Some(decoded)
}

pub(super) fn has_escape(text: &[u8]) -> bool {
    text.windows(3).any(|three| three[0] == b'%' && three[1..].iter().all(u8::is_ascii_hexdigit))
}
