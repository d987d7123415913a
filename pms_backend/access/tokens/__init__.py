"""Bearer tokens: Supabase's, and those that this installation issues itself."""
