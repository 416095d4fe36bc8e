"""The schedule of activities, as ICH M11 asks for it in section 1.3: visits across, activities down."""
