//! A picture code (QR) of an address, as a PNG that an email carries inside: nothing is fetched when
//! it is opened, and no program has to be allowed to load pictures.

use fast_qr::{ECL, QRBuilder};

/// Pixels a module: sharp on a screen at twice its size, and under a kilobyte.
const PIXELS: usize = 4;
/// Light modules around the code, without which readers do not find it.
const MARGIN: usize = 4;

/// `None` for what is too long for a code.
pub(super) fn png_of(address: &str) -> Option<Vec<u8>> {
    let code = QRBuilder::new(address).ecl(ECL::M).build().ok()?;
    let side = (code.size + 2 * MARGIN) * PIXELS;
    let is_dark = |x: usize, y: usize| {
        let module = |pixel: usize| (pixel / PIXELS).checked_sub(MARGIN).filter(|m| *m < code.size);
        match (module(x), module(y)) {
            (Some(column), Some(row)) => code[row][column].value(),
            _ => false,
        }
    };
    let mut rows = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        for byte in 0..side.div_ceil(8) {
            let bits = (0..8).map(|bit| byte * 8 + bit);
            // A set bit is white.
            let white = bits.map(|x| u8::from(x >= side || !is_dark(x, y)));
            rows.push(white.fold(0, |packed, bit| (packed << 1) | bit));
        }
    }
    let side = u32::try_from(side).ok()?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&rows).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pay_link_is_a_small_square_picture_with_its_three_corners() {
        let bytes = png_of("https://pay.example.org/p/AbCdEfGhIjKlMnOpQrStUv").unwrap();
        assert!(bytes.len() < 1_500, "{} bytes", bytes.len());
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, info.height);
        let (side, line) = (info.width as usize, info.line_size);
        let dark = |x: usize, y: usize| (pixels[y * line + x / 8] >> (7 - x % 8)) & 1 == 0;
        let (near, far) = (MARGIN * PIXELS, side - 1 - MARGIN * PIXELS);
        assert!(dark(near, near) && dark(far, near) && dark(near, far));
        assert!((0..side).all(|at| !dark(at, 0) && !dark(0, at)), "the margin is light");
        assert_eq!(png_of(&"x".repeat(4_000)), None);
    }
}
