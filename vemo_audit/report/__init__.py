"""What is read: facts become a page, a page becomes one self-contained HTML file."""
