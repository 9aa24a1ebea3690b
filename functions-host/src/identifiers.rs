//! Random identifiers in the forms that the host uses. They are unique, not secret.

/// A version 4 GUID in lower case, the form of .NET's `Guid.ToString()`.
pub(crate) fn guid() -> String {
    let bits = fastrand::u128(..);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xfff,
        8 + ((bits >> 60) & 0x3),
        (bits >> 48) & 0xfff,
        bits & 0xffff_ffff_ffff,
    )
}

/// A W3C `traceparent` of a new trace, sampled.
pub(crate) fn traceparent() -> String {
    // The all-zero trace and span ids are invalid.
    format!(
        "00-{:032x}-{:016x}-01",
        fastrand::u128(1..),
        fastrand::u64(1..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_has_the_version_4_form() {
        let guid = guid();
        let lengths: Vec<usize> = guid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&guid[14..15], "4");
        assert!(matches!(&guid[19..20], "8" | "9" | "a" | "b"));
    }
}
