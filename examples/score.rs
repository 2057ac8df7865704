// As score.c, in Rust: rustc -O score.rs -C link-arg=adult.o. The sizes are those of adult.h.
use std::io::BufRead;

const X: usize = 105;

extern "C" {
    fn adult_score(x: *const f32, r: *const f32, result: *mut f32, workspace: *mut u8) -> i32;
}

#[repr(align(64))]
struct Workspace([u8; 1 << 16]);

fn main() {
    let preference: Vec<f32> = std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    assert_eq!(preference.len(), 3, "how much does each of three objectives matter?");
    let mut workspace = Box::new(Workspace([0; 1 << 16]));
    for line in std::io::stdin().lock().lines() {
        let row: Vec<f32> = line.unwrap().split(',').map(|word| word.parse().expect("a number")).collect();
        assert_eq!(row.len(), X);
        let mut score = 0f32;
        let status = unsafe { adult_score(row.as_ptr(), preference.as_ptr(), &mut score, workspace.0.as_mut_ptr()) };
        assert_eq!(status, 0);
        println!("{score}");
    }
}
