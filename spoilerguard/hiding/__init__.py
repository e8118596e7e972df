"""Text with its spoilers hidden: marks, pieces, styles, the page that shows them. Read `blurring` first."""
